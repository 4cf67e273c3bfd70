// The two crosswalks as tables: causal (which head a word needs) and direct (what a component writes), never mixed.

const NUMBERED = 0.15; // of the scale's end: smaller cells carry their number in title and for screen readers only

/** [{name, values by word}]: the columns of one crosswalk; biases without a number in any cell are left out. */
function tableColumns(model, text, kind, split, top) {
  const places = kind === 'causal' ? model.heads : model.components.map((_, i) => i);
  const rows = kind === 'causal' ? text.causal : text.direct[split];
  const columns = places.map((component, i) => ({
    component,
    name: model.components[component],
    isHead: model.heads.includes(component),
    layer: model.layers[component],
    values: text.words.map((_, word) => (word < text.seen && rows[word] ? rows[word][i] : null)),
  }));
  const silent = (c) => model.kinds[c.component].includes('bias') && largest(c.values) < 0.01 * top;
  return { columns: columns.filter((c) => !silent(c)), left: columns.filter(silent).map((c) => c.name) };
}

function numberCell(value, top) {
  if (Math.abs(value) >= Math.max(NUMBERED * top, 0.005)) return compact(value);
  return make('span', { class: 'x-vh' }, signed(value, 3));
}

/** One sum, in figures and as a bar from the middle. */
function sumCell(kind, word, name, value, top, title, tag = 'td') {
  const place = `${kind}:${word}:${name}`;
  return make(tag, { class: 'x-sum', 'data-cell': place, title }, signed(value), meter(value, top));
}

/**
 * One crosswalk. facts: caption, hint, the names of the sums, and scores where they are known better than by adding up
 * rounded cells; cellTop, sumTop: where colours and bars end.
 */
function crosswalkTable(kind, text, columns, facts, cellTop, sumTop) {
  const gap = (i) => (i > 0 && columns[i].layer !== columns[i - 1].layer ? 'x-gap' : null);
  const head = columns.map((c, i) => {
    const attributes = { scope: 'col', class: gap(i), 'data-column': c.isHead ? c.name : null };
    const button = {
      type: 'button',
      tabindex: -1,
      'data-stop': true,
      'data-head': c.name,
      title: `Show head ${c.name}`,
    };
    return make('th', attributes, c.isHead ? make('button', button, c.name) : c.name);
  });
  const words = text.words.map((_, i) => i).filter((i) => i < text.seen);
  const body = words.map((word) => {
    const cells = columns.map((c, i) => {
      const value = c.values[word];
      const attributes = {
        class: [isNumber(value) ? signedLevel(value, cellTop) : null, gap(i)].filter(Boolean).join(' '),
        title: `${isolate(text.words[word])}, ${c.name}: ${signed(value, 3)}`,
        'data-cell': `${kind}:${word}:${c.name}`,
      };
      return make('td', attributes, isNumber(value) ? numberCell(value, cellTop) : MISSING);
    });
    const sum = facts.scores ? facts.scores[word] : total(columns.map((c) => c.values[word]));
    const label = { scope: 'row', class: text.unknown.includes(word) ? 'unknown' : null };
    const title = `${isolate(text.words[word])}: ${facts.rowSum} ${signed(sum)}`;
    return make(
      'tr',
      { 'data-word': word, 'data-table-row': kind },
      make('th', label, make('span', (text.truth || []).includes(word) ? { class: 'truth' } : {}, text.words[word])),
      ...cells,
      sumCell(kind, word, 'sum', sum, sumTop, title),
    );
  });
  const sums = columns.map((c) => total(c.values));
  const corner = total(facts.scores || sums);
  const foot = make(
    'tr',
    {},
    make('th', { scope: 'row' }, facts.columnLabel),
    ...columns.map((c, i) =>
      sumCell(kind, 'sum', c.name, sums[i], sumTop, `${c.name}: ${facts.columnSum} ${signed(sums[i])}`),
    ),
    make(
      'td',
      { class: 'x-corner', 'data-cell': `${kind}:sum:sum`, title: `total ${signed(corner)}` },
      signed(corner),
    ),
  );
  const corners = make('th', { scope: 'col', class: 'x-sum' }, facts.rowLabel);
  const table = make(
    'div',
    { class: 'x-table', 'data-table': kind },
    make(
      'div',
      { class: 'x-plate x-scroll', tabindex: 0, role: 'group', 'aria-label': facts.caption },
      make(
        'table',
        {},
        make('caption', {}, make('b', {}, facts.caption), make('span', {}, facts.hint)),
        make('thead', {}, make('tr', { 'data-row': true }, make('td', {}), ...head, corners)),
        make('tbody', {}, ...body),
        make('tfoot', {}, foot, facts.beyond ? beyondRow(facts.beyond, columns) : null),
      ),
    ),
    make('p', { class: 'x-small' }, facts.note),
  );
  table.style.setProperty('--columns', columns.length);
  table.style.flex = `${columns.length + 1.5} 1 ${2.7 * (columns.length + 1.5)}rem`; // side by side where both fit
  return table;
}

/** What the components contribute in fact, under sums that need not meet it. */
function beyondRow(beyond, columns) {
  const cells = columns.map((c) =>
    make('td', { title: `${c.name}: ${signed(beyond[c.component], 3)}` }, signed(beyond[c.component])),
  );
  const all = make('td', {}, signed(total(beyond)));
  return make('tr', { class: 'x-beyond' }, make('th', { scope: 'row' }, 'in fact'), ...cells, all);
}

/** Why a text has no causal table. */
function noCausal(model) {
  const n = model.texts.filter((text) => text.causal).length;
  const which = n
    ? `Only the first ${count(n)} of these ${plural(model.texts.length, 'text')} have one: choose “with a causal table” above.`
    : 'No text of this model has one here.';
  const why = 'Taking out words and heads in every combination needs many thousand runs of the model for each text.';
  return make(
    'div',
    { class: 'x-table x-missing', 'data-table': 'causal-missing' },
    make('p', {}, make('b', {}, 'No causal table for this text. '), `${why} ${which}`),
  );
}
