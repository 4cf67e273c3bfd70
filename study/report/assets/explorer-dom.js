// Making elements (text only ever as text nodes) and moving the focus inside a group with the arrow keys.

const byId = (name) => document.getElementById(`explorer-${name}`);

/** An element; attributes that are null or false are left out, strings among the children become text. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A word whose direction turns nothing around it: in the page, and in titles and labels. */
const isolated = (word) => make('bdi', {}, word);
const isolate = (word) => `\u2068${word}\u2069`;

function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Options of a select element from [value, label]. */
function fillSelect(select, options) {
  fill(select, ...options.map(([value, label]) => make('option', { value }, label)));
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * Makes the [data-stop] elements of a group one stop of the Tab key; arrows, Home and End move inside it.
 * Rows of the group are elements with data-row; without any it is one row.
 */
function rove(group) {
  group.addEventListener('keydown', (event) => {
    const here = event.target.closest('[data-stop]');
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = stopRows(group);
    const row = rows.findIndex((stops) => stops.includes(here));
    const next = target(rows, row, rows[row].indexOf(here), event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  group.addEventListener('focusin', (event) => {
    const here = event.target.closest('[data-stop]');
    if (here) setStop(group, here);
  });
}

function stopRows(group) {
  const rows = [...group.querySelectorAll('[data-row]')];
  const found = (rows.length ? rows : [group]).map((row) => [...row.querySelectorAll('[data-stop]')]);
  return found.filter((stops) => stops.length);
}

function target(rows, row, place, key) {
  if (key === 'Home') return rows[row][0];
  if (key === 'End') return rows[row][rows[row].length - 1];
  if (!STEPS[key]) return null;
  const [down, right] = STEPS[key];
  const stops = rows[row + down];
  return stops ? (down ? stops[Math.min(place, stops.length - 1)] : stops[place + right]) : null;
}

/** The one element of the group that the Tab key stops at. */
function setStop(group, chosen) {
  for (const stop of group.querySelectorAll('[data-stop]')) stop.tabIndex = stop === chosen ? 0 : -1;
}

/** A colour ramp with its two ends in figures, as under the page's own strips. */
function ramp(least, most, prefix, unit) {
  const steps =
    prefix === 'd' ? Array.from({ length: 2 * LEVELS + 1 }, (_, i) => i - LEVELS) : [0, 1, 2, 3, 4, 5, 6, 7];
  const colours = make('i', { 'aria-hidden': 'true' }, ...steps.map((step) => make('b', { class: prefix + step })));
  return make('span', { class: 'ramp' }, least, colours, `${most} ${unit}`);
}

/** A bar from a middle line to the right (+) or left (−), in the colours of the words. */
function meter(value, top) {
  const share = isNumber(value) && top > 0 ? Math.min(1, Math.abs(value) / top) / 2 : 0;
  const bar = make('i', { class: value < 0 ? 'd-5' : 'd5' });
  bar.style.left = `${100 * (value < 0 ? 0.5 - share : 0.5)}%`;
  bar.style.width = `${100 * share}%`;
  return make('span', { class: 'x-meter', 'aria-hidden': 'true' }, bar);
}
