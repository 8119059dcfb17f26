// Draws the skeletons of the page and lets them be turned: drag, touch, or the arrow keys.
"use strict";
const { skeletons, examples } = JSON.parse(document.getElementById("data").textContent);
const START = { yaw: -0.6, pitch: 0.2 };
const STEP = Math.PI / 18; // radians a key press
const NEAR_PX = 14;
const views = [];

for (const card of document.querySelectorAll(".card")) {
  const example = examples[card.dataset.number];
  const [canvas, photo] = ["canvas", ".photo"].map((name) => card.querySelector(name));
  const view = { ...START, ...example, ...skeletons[example.skeleton], card, canvas, photo, hovered: -1 };
  views.push(view);
  photo.addEventListener("click", () => card.classList.toggle("wide"));
  photo.addEventListener("pointermove", (event) => hover(view, nearestInPhoto(view, event)));
  photo.addEventListener("pointerleave", () => hover(view, -1));
  if (canvas) makeTurnable(view);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => views.forEach(draw));

function makeTurnable(view) {
  const { canvas } = view;
  view.radius = Math.max(300, ...joints(view).map(([, x, y, z]) => Math.hypot(x, y, z)));
  view.floor = Math.max(...joints(view).map(([, , y]) => y));
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    last = event;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return hover(view, nearestInView(view, event));
    turn(view, (event.clientX - last.clientX) * 0.01, (event.clientY - last.clientY) * 0.01);
    last = event;
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (last = null));
  canvas.addEventListener("pointerleave", () => hover(view, -1));
  canvas.addEventListener("dblclick", () => turn(view, NaN, NaN));
  canvas.addEventListener("keydown", (event) => {
    const turns = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === "Home") turn(view, NaN, NaN);
    else if (turns[event.key]) turn(view, ...turns[event.key]);
    else return;
    event.preventDefault(); // the page stays where it is
  });
  draw(view); // at once; the observer tells of other sizes later
  new ResizeObserver(() => draw(view)).observe(canvas);
}

// Turns a view (or all) by angles; NaN: back to the start
function turn(view, yaw, pitch) {
  const pitched = Math.max(-1.5, Math.min(1.5, view.pitch + pitch));
  const angles = Number.isNaN(yaw) ? START : { yaw: view.yaw + yaw, pitch: pitched };
  const together = document.getElementById("show-together").checked;
  for (const other of together ? views : [view]) draw(Object.assign(other, angles));
}

function joints(view) {
  return view.joints
    .map((_, j) => [j, view.xyz[3 * j], view.xyz[3 * j + 1], view.xyz[3 * j + 2]])
    .filter((joint) => joint[1] !== null);
}

// mm around the person's middle -> [x px, y px, depth from -1 (near) to 1 (far)]
function project(view, x, y, z) {
  const { yaw, pitch, canvas, radius } = view;
  const side = x * Math.cos(yaw) + z * Math.sin(yaw);
  const away = z * Math.cos(yaw) - x * Math.sin(yaw);
  const down = y * Math.cos(pitch) - away * Math.sin(pitch);
  const depth = (away * Math.cos(pitch) + y * Math.sin(pitch)) / radius;
  const scale = (0.44 * Math.min(canvas.clientWidth, canvas.clientHeight) * 4) / (radius * (4 + depth));
  return [canvas.clientWidth / 2 + side * scale, canvas.clientHeight / 2 + down * scale, depth];
}

function draw(view) {
  const { canvas } = view;
  if (!canvas || !canvas.clientWidth) return;
  const density = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [canvas.clientWidth * density, canvas.clientHeight * density];
  const context = canvas.getContext("2d");
  context.scale(density, density);
  context.lineCap = "round";
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue("--" + name);
  drawFloor(view, context, colour("grid"));
  const at = [];
  for (const [j, x, y, z] of joints(view)) at[j] = project(view, x, y, z);
  const shade = (depth) => Math.max(0.35, Math.min(1, 0.72 - 0.35 * depth));
  const parts = view.edges
    .filter(([a, b]) => at[a] && at[b])
    .map(([a, b, side]) => ({ depth: (at[a][2] + at[b][2]) / 2, side, line: [at[a], at[b]] }));
  at.forEach((p, j) => parts.push({ depth: p[2] - 0.02, side: view.sides[j], line: [p, p], dot: true }));
  const thick = view.joints.length > 60 ? 0.7 : 1;
  for (const part of parts.sort((a, b) => b.depth - a.depth)) {
    context.globalAlpha = shade(part.depth);
    context.lineWidth = (part.dot ? 5.5 : 3) * thick;
    strokeLine(context, part.line, colour(part.side));
  }
  context.globalAlpha = 1;
  const ringed = at[view.hovered];
  if (!ringed) return;
  context.lineWidth = 10;
  strokeLine(context, [ringed, ringed], colour("ink"));
}

// A floor of half-metre squares under the lowest joint
function drawFloor(view, context, colour) {
  const half = Math.min(8, Math.max(2, Math.ceil(view.radius / 750))) * 500;
  context.lineWidth = 1;
  for (let k = -half; k <= half; k += 500) {
    for (const [a, b] of [[[k, -half], [k, half]], [[-half, k], [half, k]]]) {
      strokeLine(context, [a, b].map(([x, z]) => project(view, x, view.floor, z)), colour);
    }
  }
}

function strokeLine(context, [a, b], colour) {
  context.strokeStyle = colour;
  context.stroke(new Path2D(`M${a[0]} ${a[1]}L${b[0]} ${b[1]}`));
}

function nearestInView(view, event) {
  const points = joints(view).map(([j, ...xyz]) => [j, ...project(view, ...xyz)]);
  return nearest(points, event.offsetX, event.offsetY, NEAR_PX);
}

function nearestInPhoto(view, event) {
  const drawing = view.photo.querySelector("svg");
  const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
  const points = view.joints.map((_, j) => [j, view.uv[2 * j], view.uv[2 * j + 1]]).filter(([, u]) => u !== null);
  return nearest(points, p.x, p.y, NEAR_PX / drawing.getScreenCTM().a);
}

function nearest(points, x, y, limit) {
  const distance = ([, u, v]) => Math.hypot(u - x, v - y);
  const best = points.reduce((a, b) => (!a || distance(b) < distance(a) ? b : a), null);
  return best && distance(best) < limit ? best[0] : -1;
}

function hover(view, j) {
  if (view.hovered === j) return;
  view.hovered = j;
  const [drawing, ring] = ["svg", ".ring"].map((name) => view.photo.querySelector(name));
  const shown = j >= 0 && view.uv[2 * j] !== null;
  ring.setAttribute("cx", shown ? view.uv[2 * j] : 0);
  ring.setAttribute("cy", shown ? view.uv[2 * j + 1] : 0);
  ring.setAttribute("r", shown ? 6 / drawing.getScreenCTM().a : 0);
  view.card.querySelector(".hover").textContent = j < 0 ? "" : view.joints[j];
  draw(view);
}
