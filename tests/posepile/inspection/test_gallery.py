"""The gallery promises: one file that asks for nothing else, every string escaped, a 3D view that turns."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from posepile.inspection import Part, find_outliers, measure, write_gallery
from posepile.inspection.markup import element
from posepile.store import summarise

EVIL = "</script><img src=x onerror=alert(1)>&\"'"

# What the browser does with the page before it writes down what it has seen; at once, because a busy machine may
# end the virtual time before the first frame
PROBE = """
const view = document.querySelector("canvas"), seen = {errors: window.seenErrors};
const pixels = () => Array.from(view.getContext("2d").getImageData(0, 0, view.width, view.height).data);
const differ = (a, b) => a.filter((value, i) => value !== b[i]).length;
const pointer = (name, x, y) => view.dispatchEvent(new PointerEvent(name, {clientX: x, clientY: y, pointerId: 1}));
view.setPointerCapture = () => {};  // a made-up pointer cannot be captured
const key = (name) => view.dispatchEvent(new KeyboardEvent("keydown", {key: name}));
const start = pixels();
seen.drawn = start.filter((value, i) => i % 4 === 3 && value > 0).length;
pointer("pointerdown", 50, 50); pointer("pointermove", 110, 70); pointer("pointerup", 110, 70);
const dragged = pixels();
seen.dragged = differ(start, dragged);
pointer("pointermove", 150, 150);
seen.afterRelease = differ(dragged, pixels());
key("ArrowLeft");
seen.keyed = differ(dragged, pixels());
key("Home");
seen.home = differ(start, pixels());
const photo = document.querySelector(".photo"), card = photo.closest(".card");
const frame = photo.getBoundingClientRect(), uv = JSON.parse(document.getElementById("data").textContent)
  .examples[0].uv, scale = frame.width / 96;
photo.dispatchEvent(new PointerEvent("pointermove",
  {clientX: frame.left + (uv[0] + 0.5) * scale, clientY: frame.top + (uv[1] + 0.5) * scale}));
seen.hovered = card.querySelector(".hover").textContent;
photo.click();
seen.wide = card.classList.contains("wide");
const box = document.querySelector(".photo .box");
seen.box = getComputedStyle(box).display;
document.getElementById("show-box").click();
seen.noBox = getComputedStyle(box).display;
seen.width = document.documentElement.scrollWidth <= document.documentElement.clientWidth;
const out = document.createElement("pre");
out.id = "seen";
out.textContent = JSON.stringify(seen);
document.body.append(out);
"""


@pytest.fixture(scope="module")
def make_part(people):
    def make(store, n_random=6, n_outliers=3):
        labels = people.labels(store)
        found = find_outliers(labels, store.joints, store.edges)
        statistics = measure(labels, store.joints, store.edges)
        return Part(
            store, summarise(store), labels, statistics, found, n_random, min(n_outliers, len(found)), 1
        )

    return make


@pytest.fixture(scope="module")
def page(people, make_part, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    made = [people.make(i) for i in range(12)]
    made[5] = replace(made[5], box=[80, 2, 14, 30], key=EVIL, tags={"subject": EVIL, EVIL: "x"})
    write_gallery(folder / "page.html", EVIL, [make_part(people.write(folder / "s", made, id=EVIL))])
    return folder / "page.html"


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def test_the_page_has_what_it_should(page):
    elements = Elements(page.read_text())
    assert elements.tags.count("article") == elements.tags.count("canvas") == elements.tags.count("img") == 7
    classes = [value for name, value in elements.attributes if name == "class"]
    assert classes.count("box") == classes.count("mask") == 7
    for expected in ("Outliers first", "Random examples", "Bone lengths", "Joint visibility", "of 17 joints in the box",
                     "Distance from the camera", "Person size", "Subjects", "Cameras", "Splits"):  # fmt: skip
        assert expected in elements.text
    assert elements.text.index("Outliers first") < elements.text.index("Random examples")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text())[1])
    assert len(data["examples"]) == 7 and len(data["skeletons"][0]["joints"]) == 17


def test_the_page_asks_for_nothing_else(page):
    for name, value in Elements(page.read_text()).attributes:
        if name in ("src", "href"):
            assert value.startswith(("data:image/jpeg;base64,", "#")), value[:40]
    assert not re.search(r"https?://|@import|url\(", page.read_text())


def test_strings_of_the_store_are_escaped(page):
    elements = Elements(page.read_text())
    assert elements.tags.count("script") == 2 and not any(
        name.startswith("on") for name, _ in elements.attributes
    )
    assert EVIL in elements.text
    assert element("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'


def test_the_same_store_and_seed_give_the_same_page(people, make_part, tmp_path):
    store = people.write(tmp_path / "s", [people.make(i) for i in range(12)])
    for name in ("one", "two"):
        write_gallery(tmp_path / name, "title", [make_part(store)])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_3d_points_are_the_pose_upright(people, make_part, tmp_path):
    store = people.write(tmp_path / "s", [people.make(0)])
    write_gallery(tmp_path / "page", "title", [make_part(store)])
    data = json.loads(re.search(r'id="data">(.*?)</script>', (tmp_path / "page").read_text())[1])
    points, pose = np.reshape(data["examples"][0]["xyz"], (17, 3)), people.make(0).joints3d
    middle = (pose.min(axis=0) + pose.max(axis=0)) / 2
    # The camera looks along -y: its right is the person's left, -x; a rounded mm is 0.5 mm off at most
    np.testing.assert_allclose(points, (pose - middle) @ np.diag([-1, -1, -1])[:, [0, 2, 1]], atol=0.51)


def test_large_images_become_small_and_broken_ones_a_note(people, fake, make_part, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), np.uint8)
    large = cv2.imencode(".jpg", noise)[1].tobytes()
    made = [
        people.make(0, image=large, mask=None),
        people.make(1, image=fake.make_example(0).image, mask=None, box=[1, 1, 9, 6]),
    ]
    write_gallery(tmp_path / "page", "title", [make_part(people.write(tmp_path / "s", made))])
    assert "the image cannot be decoded" in (tmp_path / "page").read_text()
    assert (tmp_path / "page").stat().st_size < 220_000  # 384 px of noise; the stored one has over a megabyte


def test_a_mixture_has_a_table_and_a_gallery_a_store(people, make_part, tmp_path):
    pixels = people.make(0).camera.world_to_image(people.make(0).joints3d)
    flat = [people.make(i, joints3d=None, camera=None, joints2d=pixels) for i in range(4)]
    stores = [
        people.write(tmp_path / "a", [people.make(i) for i in range(12)], id="solid"),
        people.write(tmp_path / "b", flat, id="flat", role="2d"),
        people.write(tmp_path / "c", [], id="nothing"),
    ]
    write_gallery(tmp_path / "page", "title", [make_part(store) for store in stores])
    elements = Elements((tmp_path / "page").read_text())
    assert "75.0%" in elements.text and "25.0%" in elements.text and "2D labels only" in elements.text
    assert elements.tags.count("h2") == 3 and elements.tags.count("article") == 10


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_draws_and_turns_the_skeletons(page, tmp_path):
    """Headless Chromium, with a script that drags and types."""
    catcher = "<script>window.seenErrors = []; onerror = (e) => { seenErrors.push(String(e)); };</script>"
    text = page.read_text().replace("<head>", "<head>" + catcher, 1)
    (tmp_path / "probe.html").write_text(text.replace("</body>", f"<script>{PROBE}</script></body>"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}",
             "--virtual-time-budget=5000", "--window-size=1200,900", "--dump-dom"]  # fmt: skip
    done = subprocess.run(
        ["chromium", *flags, (tmp_path / "probe.html").as_uri()], capture_output=True, text=True, timeout=120
    )
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    seen = json.loads(html.unescape(found[1]))
    assert seen["errors"] == []
    assert seen["drawn"] > 500  # px of lines and joints
    assert seen["dragged"] > 500 and seen["keyed"] > 500
    assert seen["afterRelease"] == seen["home"] == 0
    assert seen["hovered"] == "pelv" and seen["wide"]
    assert seen["box"] != "none" and seen["noBox"] == "none"
    assert seen["width"]  # nothing sticks out to the right
