// What stands around the two tables of a text: captions, hints, what their sums are, and the legend of the cells.

function drawTables(ends) {
  const t = text();
  const { model, split } = state;
  const label = labelOf(split);
  const parts = [];
  const direct = t.direct[split] ? tableColumns(model, t, 'direct', split, ends.cell) : null;
  const causal = t.causal ? tableColumns(model, t, 'causal', split, ends.cell) : null;
  const sums = [direct, causal]
    .filter(Boolean)
    .flatMap(({ columns }) => [
      ...columns.map((c) => total(c.values)),
      ...t.words.map((_, word) => total(columns.map((c) => c.values[word]))),
    ]);
  const sumTop = largest(sums);
  parts.push(causal ? crosswalkTable('causal', t, causal.columns, causalFacts(t), ends.cell, sumTop) : noCausal(model));
  if (direct)
    parts.push(crosswalkTable('direct', t, direct.columns, directFacts(t, label, direct.left), ends.cell, sumTop));
  fill(ui.tables, ...parts);
  for (const row of ui.tables.querySelectorAll('thead tr')) {
    rove(row);
    setStop(row, row.querySelector('[data-stop]'));
  }
  const end = state.relative ? 'ends at this text’s largest cell' : 'ends at the 99th percentile of all cells';
  fill(
    ui.cellKey,
    ramp(signed(-ends.cell), signed(ends.cell), 'd', 'logits'),
    make(
      'span',
      {},
      `Cells: one scale for both tables, ${end}; below ${percent(NUMBERED)} of it without figure (point at the cell). Sums: bars.`,
    ),
  );
}

const labelOf = (name) => (state.data.methods.find((m) => m.name === name) || { label: name }).label;

function causalFacts(t) {
  const errors = [
    ['row', t.word_error],
    ['column', t.head_error],
  ].filter(([, v]) => v > 0);
  const isExact = t.word_error === 0 && t.head_error === 0;
  const sampled = errors.map(([sums, v]) => `${percent(v, 1)} of the ${sums} sums`).join(' and ');
  return {
    caption: 'Causal: which head the word needs',
    hint: 'What its effect loses without the head, averaged over all line-ups.',
    rowSum: 'sum of its row',
    columnSum: 'Shapley value of the head',
    rowLabel: 'sum',
    columnLabel: 'head',
    note: `Sums to the right: the word’s effect${offShap(t.sampling_error)}. Sums below: the heads’ Shapley values. ${
      sampled ? `Sampled: standard error ${sampled}.` : isExact ? 'Nothing is sampled in it.' : ''
    }`,
  };
}

/** How far the row sums of a causal table are from the SHAP values; it samples word coalitions of its own. */
function offShap(error) {
  if (!isNumber(error)) return '';
  return error < 0.0005 ? ', which is its SHAP value' : `, ${percent(error, 1)} off the SHAP values`;
}

function directFacts(t, label, left) {
  const isFirst = state.split === state.data.splits[0];
  const silent = left.length ? ` Not shown, as words hardly move them: ${left.join(', ')}.` : '';
  const meets = isFirst
    ? 'Sums below: what each component contributes beyond the empty text.'
    : `Sums below need not meet what the components contribute beyond the empty text, the last row: ${label} is a fit.`;
  return {
    caption: 'Direct: what a head writes',
    hint: 'What each component itself adds to the margin for the word.',
    rowSum: label,
    columnSum: 'sum of the column',
    rowLabel: label,
    columnLabel: 'sum',
    scores: t.scores[state.split],
    beyond: isFirst ? null : t.beyond,
    note: `Sums to the right: ${label} of the word. ${meets}${silent}`,
  };
}
