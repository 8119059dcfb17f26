"""The style of the report page: light, with a dark mode; tables and wide pictures scroll on a phone."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --card: #ffffff; --ink: #1d2430; --soft: #5b6472; --line: #e3e5e8;
  --accent: #2f6fae; --good: #23794d; --bad: #b3432b; --wash: #eef4fa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c; --card: #1c2027; --ink: #e6e9ee; --soft: #9aa4b2; --line: #2e343d;
    --accent: #7fb4e6; --good: #6cc596; --bad: #ef8f76; --wash: #1d2a38;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 0.4rem; }
p { margin: 0.5rem 0; max-width: 44rem; }
.soft, figcaption, footer { color: var(--soft); font-size: 0.9rem; }
.cards {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(13.5rem, 1fr)); gap: 0.8rem; margin:
  1.2rem 0;
}
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 0.7rem; padding: 0.8rem
  1rem;
}
.card b { display: block; font-size: 1.55rem; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: 0.88rem; display: block; line-height: 1.35; }
.scroll {
  overflow-x: auto; margin: 0.8rem 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 0.7rem;
}
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td {
  padding: 0.42rem 0.55rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line);
}
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
tr:last-child td { border-bottom: 0; }
th { font-weight: 600; vertical-align: bottom; color: var(--soft); line-height: 1.25; }
th small, td small { font-weight: 400; color: var(--soft); }
td.best { font-weight: 700; color: var(--accent); }
td.wrap { white-space: normal; min-width: 14rem; }
tr.guess td { color: var(--soft); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
figure {
  margin: 0.8rem 0; padding: 0.7rem; background: var(--card); border: 1px solid var(--line); border-
  radius: 0.7rem;
}
figure svg { width: 100%; max-width: 46rem; height: auto; display: block; margin: 0 auto; }
figure.wide { overflow-x: auto; }
figure.wide svg { width: auto; max-width: none; }
figcaption { margin-top: 0.5rem; max-width: 44rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0.8rem; }
.pair figure { margin: 0; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--accent); padding: 0.3rem 0; }
dl {
  display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; font-size: 0.9rem;
  margin: 0.6rem 0;
}
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.88em; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 0.8rem; }
"""
