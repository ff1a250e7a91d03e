// The page of one run or model. The server computes; this file asks, draws and remembers what is chosen.

const byId = (id) => document.getElementById(id);
const UNDECIDED = 255;
const DELAY = 120; // ms after the last move of a slider

const state = { about: null, images: [], current: null, tags: null, threshold: null, asked: 0 };

async function start() {
  state.about = await (await asked("/api/about")).json();
  const { title, kind, classes, variants, threshold, explained } = state.about;
  document.title = `${title} – patchlearn`;
  byId("title").textContent = title;
  byId("kind").textContent = kind === "run" ? "a run: maps and pseudo masks" : "a trained model: probabilities and masks";
  byId("threshold-name").textContent = threshold[0].toUpperCase() + threshold.slice(1);
  byId("explained").textContent = explained;
  fill(byId("variant"), variants);
  fill(byId("beside"), variants, "nothing");
  fill(byId("mapped"), classes, "all classes");
  byId("variants").hidden = variants.length < 2;
  listen();
}

function fill(select, names, first) {
  if (first !== undefined) select.add(new Option(first, ""));
  names.forEach((name) => select.add(new Option(name, name)));
}

function listen() {
  const drop = byId("drop");
  byId("files").addEventListener("change", (event) => upload([...event.target.files]));
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => over(event, true));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (event) => over(event, false));
  drop.addEventListener("drop", (event) => upload([...event.dataTransfer.files]));
  document.addEventListener("paste", (event) => upload([...event.clipboardData.files]));
  for (const id of ["variant", "beside", "mapped"]) byId(id).addEventListener("change", refresh);
  document.querySelectorAll("[name=view]").forEach((each) => each.addEventListener("change", refresh));
  byId("opacity").addEventListener("input", fade);
  byId("divide").addEventListener("input", divide);
  byId("given").addEventListener("change", giveTags);
  byId("own").addEventListener("change", moveThreshold);
  byId("threshold").addEventListener("input", () => { byId("own").checked = true; moveThreshold(); });
}

function over(event, is) {
  event.preventDefault();
  byId("drop").classList.toggle("over", is);
}

// ---- asking -------------------------------------------------------------------------------------------------------

async function asked(address, options) {
  const answer = await fetch(address, options);
  if (answer.ok || answer.headers.get("content-type")?.startsWith("application/json")) return answer;
  throw new Error(await answer.text());
}

function say(text, bad = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("bad", bad);
}

async function upload(files) {
  if (!files.length) return;
  const { images, megabytes } = state.about.limits;
  if (files.length > images) return say(`${files.length} images, but ${images} at a time are taken. Choose fewer.`, true);
  if (files.some((file) => file.size > megabytes * 1e6)) return say(`An image is larger than ${megabytes} MB. Make it smaller.`, true);
  const refused = [];
  for (const [index, file] of files.entries()) {
    say(`Reading ${index + 1} of ${files.length}…`);
    try {
      const form = new FormData();
      form.append("image", file, file.name);
      const found = await (await asked("/api/images", { method: "POST", body: form })).json();
      found.images.forEach(addThumbnail);
      refused.push(...found.refused);
    } catch (error) {
      refused.push(`${file.name}: ${error.message}`);
    }
  }
  byId("files").value = "";
  say(refused.join(" "), refused.length > 0);
}

function addThumbnail(image) {
  state.images.push(image);
  const button = document.createElement("button");
  button.setAttribute("aria-pressed", "false");
  const picture = document.createElement("img");
  picture.src = `/api/images/${image.id}`;
  picture.alt = image.name;
  button.append(picture);
  button.addEventListener("click", () => choose(image));
  image.button = button;
  const item = document.createElement("li");
  item.append(button);
  byId("thumbnails").append(item);
  choose(image);
}

function choose(image) {
  state.current = image;
  state.tags = null;
  byId("given").checked = false;
  state.images.forEach((each) => each.button.setAttribute("aria-pressed", String(each === image)));
  const picture = byId("picture");
  picture.src = `/api/images/${image.id}`;
  picture.alt = image.name;
  for (const id of ["stage", "controls"]) byId(id).hidden = false;
  refresh();
}

function question(variant) {
  const query = new URLSearchParams({ variant });
  if (state.tags) {
    query.append("tags", "given");
    [...state.tags].forEach((index) => query.append("tag", state.about.classes[index]));
  }
  if (state.threshold !== null) query.append("threshold", state.threshold);
  return query;
}

function address(name, variant, more = {}) {
  const query = question(variant);
  Object.entries(more).forEach(([key, value]) => query.append(key, value));
  return `/api/images/${state.current.id}/${name}?${query}`;
}

// ---- what is chosen -----------------------------------------------------------------------------------------------

function giveTags() {
  state.tags = byId("given").checked ? new Set(state.shown.tags) : null;
  refresh();
}

function switchTag(index, on) {
  state.tags ??= new Set(state.shown.tags);
  byId("given").checked = true;
  if (on) state.tags.add(index); else state.tags.delete(index);
  refresh();
}

let waiting = 0;
function moveThreshold() {
  state.threshold = byId("own").checked ? (byId("threshold").value / 100).toFixed(2) : null;
  byId("threshold-value").textContent = state.threshold ?? "";
  clearTimeout(waiting);
  waiting = setTimeout(refresh, DELAY);
}

const view = () => document.querySelector("[name=view]:checked").value;
const opacity = () => byId("opacity").value / 100;

// ---- drawing ------------------------------------------------------------------------------------------------------

async function refresh() {
  if (!state.current) return;
  const turn = ++state.asked, { variants } = state.about;
  const variant = byId("variant").value || variants[0], beside = byId("beside").value;
  byId("stage").setAttribute("aria-busy", "true");
  try {
    const answer = await (await asked(address("answer", variant))).json();
    const first = await drawn(variant, answer);
    const other = beside ? await (await asked(address("answer", beside))).json() : null;
    const second = beside ? await drawn(beside, other) : null;
    if (turn !== state.asked) return; // something else was asked meanwhile
    state.shown = answer;
    byId("first").replaceChildren(...first);
    byId("second").replaceChildren(...(second ?? []));
    for (const id of ["second", "compare"]) byId(id).hidden = !beside;
    [byId("left").textContent, byId("right").textContent] = [variant, beside];
    byId("mapped-label").hidden = view() !== "map";
    fade();
    divide();
    listClasses(answer);
    explain(answer);
    link(variant);
    byId("stage").dataset.turn = String(turn);
    if (byId("message").classList.contains("bad")) say("");
  } catch (error) {
    if (turn === state.asked) say(error.message, true);
  } finally {
    if (turn === state.asked) byId("stage").removeAttribute("aria-busy");
  }
}

async function drawn(variant, answer) {
  if (view() === "picture") return [];
  if (view() === "outlines") return [await outlines(variant)];
  return [view() === "mask" ? await mask(variant) : await map(variant, answer)];
}

async function outlines(variant) {
  const text = await (await asked(address("outlines.svg", variant))).text();
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  svg.setAttribute("preserveAspectRatio", "none");
  return document.importNode(svg, true);
}

async function mask(variant) {
  const { width, height, data } = await pixels(address("mask.png", variant));
  const colours = state.about.colours.map(rgb);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = 4 * pixel, label = labelOf(data[at], data[at + 1], data[at + 2]);
    const striped = ((pixel % width) + Math.floor(pixel / width)) % 8 < 4;
    const colour = label === UNDECIDED ? (striped ? [255, 255, 255] : [90, 90, 90]) : colours[label - 1];
    data.set(label === 0 ? [0, 0, 0, 0] : [...colour, 255], at);
  }
  return canvas(width, height, data, "sharp");
}

async function map(variant, answer) {
  const one = byId("mapped").value;
  const wanted = answer.tags.filter((index) => !one || state.about.classes[index] === one);
  const maps = await Promise.all(wanted.map((index) => pixels(address("map.png", variant, { class: index }))));
  if (!maps.length) return canvas(1, 1, new Uint8ClampedArray(4), "smooth");
  const { width, height } = maps[0], colours = wanted.map((index) => rgb(state.about.colours[index]));
  const data = new Uint8ClampedArray(4 * width * height);
  for (let at = 0; at < data.length; at += 4) {
    let best = 0;
    maps.forEach((each, index) => { if (each.data[at] > maps[best].data[at]) best = index; });
    data.set([...colours[best], maps[best].data[at]], at);
  }
  return canvas(width, height, data, "smooth");
}

async function pixels(source) {
  const bitmap = await createImageBitmap(await (await asked(source)).blob(), { colorSpaceConversion: "none" });
  const area = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  area.drawImage(bitmap, 0, 0);
  return area.getImageData(0, 0, bitmap.width, bitmap.height);
}

function canvas(width, height, data, className) {
  const element = Object.assign(document.createElement("canvas"), { width, height, className });
  element.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return element;
}

// Bit k of a label's red, green and blue is its bit 3k, 3k + 1 and 3k + 2, counted from the highest bit of the colour.
function labelOf(...colour) {
  let label = 0;
  colour.forEach((value, channel) => {
    for (let k = 0; k < 8; k++) label |= ((value >> (7 - k)) & 1) << (3 * k + channel);
  });
  return label & 255;
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function fade() {
  for (const id of ["first", "second"]) byId(id).style.opacity = view() === "outlines" ? 1 : opacity();
}

function divide() {
  const share = byId("beside").value ? byId("divide").value : 100;
  byId("first").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  byId("second").style.clipPath = `inset(0 0 0 ${share}%)`;
}

// ---- words --------------------------------------------------------------------------------------------------------

function listClasses(answer) {
  const { classes, colours } = state.about;
  const order = classes.map((_, index) => index).sort((a, b) => answer.scores[b] - answer.scores[a]);
  const items = order.map((index) => {
    const item = document.createElement("li"), id = `class-${index}`;
    const box = Object.assign(document.createElement("input"), { type: "checkbox", id, checked: answer.tags.includes(index) });
    box.addEventListener("change", () => switchTag(index, box.checked));
    const label = Object.assign(document.createElement("label"), { htmlFor: id });
    label.append(swatch(colours[index]), classes[index]);
    const share = answer.shares[index] > 0 ? `${(100 * answer.shares[index]).toFixed(1)} %` : "";
    const facts = Object.assign(document.createElement("span"), { className: "facts", textContent: share });
    const bar = Object.assign(document.createElement("div"), { className: "bar", title: `score ${answer.scores[index].toFixed(2)}` });
    bar.append(document.createElement("i"));
    bar.firstChild.style.width = `${100 * answer.scores[index]}%`;
    bar.firstChild.style.background = colours[index];
    item.append(box, label, facts, bar);
    return item;
  });
  const focused = document.activeElement?.id;
  byId("classes").replaceChildren(...items);
  if (focused?.startsWith("class-")) byId(focused)?.focus();
}

function explain(answer) {
  if (state.threshold === null) {
    byId("threshold").value = Math.round(100 * answer.threshold);
    byId("threshold-value").textContent = `now ${answer.threshold.toFixed(2)}`;
  }
  const found = answer.tags.filter((index) => answer.shares[index] > 0);
  const words = found.map((index) => {
    const entry = document.createElement("span");
    entry.append(swatch(state.about.colours[index]), state.about.classes[index]);
    return entry;
  });
  if (answer.undecided > 0) words.push(Object.assign(document.createElement("span"), { textContent: `striped: undecided, ${(100 * answer.undecided).toFixed(1)} %` }));
  if (!words.length) words.push(Object.assign(document.createElement("span"), { textContent: "The mask is background alone." }));
  byId("legend").replaceChildren(...words);
}

function swatch(colour) {
  const square = Object.assign(document.createElement("span"), { className: "swatch" });
  square.style.background = colour;
  return square;
}

function link(variant) {
  const files = { "mask.png": "mask", "coco.json": "COCO JSON", "outlines.svg": "outlines (SVG)", "all.zip": "all (zip)" };
  const links = Object.entries(files).map(([name, textContent]) => Object.assign(document.createElement("a"), { href: address(name, variant, { save: 1 }), textContent, download: "" }));
  byId("links").replaceChildren(...links);
}

start().catch((error) => say(error.message, true));
