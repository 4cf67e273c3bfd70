/*
 * The explorer of the report: one text at a time, its words by every method, and the heads that carry them.
 *
 * All explorer-*.js are joined with this file, the last, into one strict function (study/report/rendering.py). Nothing
 * is fetched; every text of the data becomes a text node. What stands in the page, for tests and for styles:
 *   [data-explorer]            the block; data-ready once it can be used, data-ready-ms: milliseconds since navigation
 *   [data-explorer-app], [data-explorer-static]       shown with and without script; #explorer-data: the payload
 *   #explorer-model, -search, -filter (all wrong right causal), -sort (sure gap hidden parted wrong), -order
 *   #explorer-scale, -split    radios named explorer-scale (absolute relative), explorer-split (method names)
 *   #explorer-list             list box; its options [data-explorer-text=place in model.texts]; #explorer-count
 *   #explorer-prev, -next, -copy, -place, -text-title, -verdict, -message (alert), -status (live region)
 *   #explorer-strips           [data-strip=method] with cells [data-word=i][data-method]; #explorer-key the legend; #explorer-brief: one
 *                              line on the word that is shown
 *   #explorer-word             [data-word-shown=i], [data-score=method], [data-bars=word-causal | word-direct]
 *   #explorer-head             [data-head-shown=name], [data-head-grid=causal | direct], [data-bars=head-causal |
 *                              head-direct], [data-attention-of], [data-attention=-1 (CLS), 0 …]
 *   #explorer-tables           [data-table=causal | direct | causal-missing], rows [data-table-row][data-word],
 *                              cells [data-cell="kind:word:component"], sums "kind:word:sum", "kind:sum:component"
 *   [data-head=name]           every button that shows a head; [data-pick=i]: that shows a word
 *   .on                        the word (or column of the head) that is shown now
 * Address of a text: #text=<dataset>/<model label>/<example id>, each part URI-encoded.
 */

const root = document.querySelector('[data-explorer]');
const state = {
  data: null,
  model: null,
  place: -1, // of the text in model.texts
  word: 0, // chosen; hovered words are shown without being chosen
  shown: -1,
  wordChosen: false, // by a click or by Enter: then pointing elsewhere comes back to it
  head: null,
  headChosen: false, // by the reader: then it stays from text to text
  split: '',
  relative: false,
  steps: false, // whether the last text was reached by the arrow keys: one entry of the history for a run of them
};
const ui = {};

const text = () => state.model.texts[state.place];
const className = (place) => state.model.classes[place] ?? 'unknown';
const towards = () => className(text().target);

/* ---- words and heads ---- */

/** Shows a word everywhere without choosing it. */
function light(word) {
  if (word === state.shown) return;
  if (!text().words.length) {
    fill(ui.word, make('p', {}, 'This text has no words.'));
    fill(ui.brief);
    delete ui.word.dataset.wordShown;
    return;
  }
  state.shown = word;
  for (const node of root.querySelectorAll('[data-word].on')) node.classList.remove('on');
  for (const node of root.querySelectorAll(`[data-word="${word}"]`)) node.classList.add('on');
  const shown = { model: state.model, text: text(), word, split: state.split, methods: state.data.methods };
  showWord(ui.word, shown);
  showBrief(ui.brief, { ...shown, method: labelOf(state.split) });
  ui.word.dataset.wordShown = word;
  markHead(ui.word);
}

function markWord() {
  for (const cell of ui.strips.querySelectorAll('[role=gridcell]')) {
    cell.setAttribute('aria-selected', String(Number(cell.dataset.word) === state.word));
  }
}

function markHead(part) {
  for (const node of part.querySelectorAll('button[data-head]')) {
    node.setAttribute('aria-pressed', String(node.dataset.head === state.head));
  }
}

function chooseWord(word) {
  state.word = word;
  state.wordChosen = true;
  light(word);
  markWord();
  if (!state.headChosen && word < text().seen) {
    state.head = carrier(word);
    drawHead();
  }
  const scores = [...ui.word.querySelectorAll('[data-score]')].map((s) => s.textContent).join(', ');
  const most = carrier(word) ? ` ${text().causal ? 'Needs most' : 'Is written most by'} ${carrier(word)}.` : '';
  ui.status.textContent = `“${isolate(text().words[word])}”: ${scores}.${most}`;
}

function drawHead() {
  if (!state.head) {
    fill(ui.head);
    delete ui.head.dataset.headShown;
    return;
  }
  const focused = document.activeElement && ui.head.contains(document.activeElement) ? document.activeElement : null;
  const group = focused ? focused.closest('[data-head-grid]') : null;
  showHead(ui.head, { model: state.model, text: text(), head: state.head, split: state.split, headTop: scales().head });
  if (group) {
    const grid = ui.head.querySelector(`[data-head-grid="${group.dataset.headGrid}"]`) || ui.head;
    grid.querySelector('[data-stop][tabindex="0"]')?.focus();
  }
  ui.head.dataset.headShown = state.head;
  for (const node of ui.head.querySelectorAll(`[data-word="${state.shown}"]`)) node.classList.add('on');
  for (const node of ui.tables.querySelectorAll('[data-column]'))
    node.classList.toggle('on', node.dataset.column === state.head);
  markHead(root);
}

const isHead = (name) => state.model.heads.some((c) => state.model.components[c] === name);

function chooseHead(name) {
  state.head = name;
  state.headChosen = true;
  drawHead();
  ui.status.textContent = `${document.getElementById('explorer-head-title').textContent}.`;
}

/** Words and heads answer to the mouse, to touch and to the keyboard, wherever they stand. */
function wireWords() {
  const app = root.querySelector('[data-explorer-app]');
  const at = (event) => event.target.closest('[data-word]');
  // pointermove, not pointerover: the page also moves under a pointer that rests. What has the focus is not redrawn.
  app.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'touch' || ui.word.querySelector(':focus-visible')) return;
    if (at(event)) light(Number(at(event).dataset.word));
    else if (state.wordChosen) light(state.word);
  });
  rove(ui.strips);
  ui.strips.addEventListener('focusin', (event) => at(event) && light(Number(at(event).dataset.word)));
  ui.strips.addEventListener('keydown', (event) => {
    if (!at(event) || (event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    chooseWord(Number(at(event).dataset.word));
  });
  app.addEventListener('click', (event) => {
    const button = event.target.closest('[data-head], [data-pick]');
    if (button && button.dataset.head) return chooseHead(button.dataset.head);
    if (button) {
      state.headChosen = true; // the reader looks at this head: it stays
      return chooseWord(Number(button.dataset.pick));
    }
    if (!at(event)) return null;
    const cell = event.target.closest('td[data-cell]');
    const head = cell ? cell.dataset.cell.split(':')[2] : null;
    if (head && isHead(head)) chooseHead(head);
    return chooseWord(Number(at(event).dataset.word));
  });
}

/* ---- start ---- */

const PLACES = [
  'how',
  'controls',
  'model',
  'search',
  'filter',
  'sort',
  'order',
  'message',
  'count',
  'prev',
  'next',
  'place',
  'copy',
  'text-title',
  'verdict',
  'strips',
  'key',
  'brief',
  'scale',
  'word',
  'head',
  'split',
  'tables',
  'notes',
  'status',
];

function start() {
  if (state.data) return;
  const data = JSON.parse(document.getElementById('explorer-data').textContent);
  state.data = data;
  if (data.format !== 1) {
    root.append(make('p', { class: 'tone-warn' }, `This page cannot show its data, of format ${data.format}.`));
    return;
  }
  state.split = firstSplit();
  for (const name of PLACES) ui[name] = byId(name);
  cellKeyAndList();
  fillControls();
  root.querySelector('[data-explorer-app]').hidden = false;
  document.querySelector('[data-explorer-static]').hidden = true;
  wireControls();
  wireWords();
  const first = state.data.models[0];
  root.classList.toggle('x-single', state.data.models.length === 1 && first.texts.length === 1);
  openText(first, firstText(first), 'quiet');
  if (location.hash.startsWith('#text=')) followAddress();
  else keepPlace();
  root.dataset.readyMs = Math.round(performance.now());
  root.dataset.ready = '';
}

/** The place behind the explorer that the address names: the explorer has moved it down. */
function keepPlace() {
  const named = document.getElementById(location.hash.slice(1));
  const isBehind = named && root.compareDocumentPosition(named) & Node.DOCUMENT_POSITION_FOLLOWING;
  if (isBehind) named.scrollIntoView({ behavior: 'instant', block: 'start' });
}

function cellKeyAndList() {
  ui.cellKey = byId('cell-key');
  ui.list = makeList(byId('list'), (place, how) => openText(state.model, place, how));
}

/** Starts the explorer; where that fails, the page is as it is without scripts. */
function tryStart() {
  try {
    start();
  } catch (error) {
    root.querySelector('[data-explorer-app]').hidden = true;
    document.querySelector('[data-explorer-static]').hidden = false;
    throw error;
  }
}

function whenIdle(run) {
  if (window.requestIdleCallback) window.requestIdleCallback(run, { timeout: 300 });
  else setTimeout(run, 30);
}

/** Figures out of view wait for the explorer, as a browser needs long to read them all; then one comes after another. */
function loadPictures() {
  const waiting = [...document.images].filter((picture) => picture.loading === 'lazy');
  const next = () => {
    if (!waiting.length) return;
    waiting.shift().loading = 'eager';
    whenIdle(next);
  };
  next();
}

/** At once where the address names a text, else when the page has been painted and the browser is idle. */
function begin() {
  if (!root) return;
  window.addEventListener('hashchange', () => {
    if ('ready' in root.dataset) followAddress();
    else if (location.hash.startsWith('#text=')) tryStart();
  });
  window.addEventListener('beforeprint', () => {
    for (const picture of document.images) picture.loading = 'eager';
    tryStart();
  });
  const first = () => {
    try {
      tryStart();
    } finally {
      loadPictures();
    }
  };
  requestAnimationFrame(() => (location.hash.startsWith('#text=') ? setTimeout(first) : whenIdle(first)));
}

begin();
