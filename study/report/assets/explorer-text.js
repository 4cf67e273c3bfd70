// Opening a text: which one comes first, where the colours end, what is said of it, and drawing all its parts.

const signedMethods = () => state.data.methods.filter((m) => m.kind === 'signed').map((m) => m.name);

/** The method of the first direct table; where no score is split over components, the first that is in logits. */
const firstSplit = () => state.data.splits[0] ?? signedMethods()[0] ?? '';

/** The text shown first, as in the report: right, 8 to 14 known words, those that pull hardest against each other. */
function firstText(model) {
  const split = firstSplit();
  const pull = (t) => {
    const scores = (t.scores[split] || []).filter(isNumber);
    return Math.min(total(scores.filter((v) => v > 0)), -total(scores.filter((v) => v < 0)));
  };
  const fits = (t) => !isWrong(t) && t.seen === t.words.length && t.words.length >= 8 && t.words.length <= 14;
  const some = model.texts.some((t) => t.causal) ? (t) => t.causal : () => true;
  const groups = [(t) => some(t) && fits(t) && !t.unknown.length, some, () => true];
  const among = groups.map((group) => model.texts.filter(group)).find((texts) => texts.length) || [];
  return model.texts.indexOf([...among].sort((a, b) => pull(b) - pull(a))[0]);
}

/** Ends of the colour scales over all texts of a model, found once. */
function scalesOf(model) {
  if (!model.scales) {
    const all = { strip: [], cell: [], head: [] };
    for (const t of model.texts) gather(all, model, t);
    model.scales = { strip: usualTop(all.strip), cell: usualTop(all.cell), head: usualTop(all.head) };
  }
  return model.scales;
}

function gather(all, model, t) {
  const { splits } = state.data;
  for (const split of splits.length ? splits : signedMethods()) {
    if (t.scores[split]) all.strip.push(...t.scores[split]);
    for (const row of t.direct[split] || []) if (row) all.cell.push(...row);
  }
  for (const row of t.causal || []) if (row) all.cell.push(...row);
  const { causal, direct } = headValues(model, t);
  all.head.push(...direct, ...(causal || []));
}

/** Where the colours end now: over all texts, or in this text. */
function scales() {
  if (!state.relative) return scalesOf(state.model);
  const all = { strip: [], cell: [], head: [] };
  gather(all, state.model, text());
  return { strip: largest(all.strip) || 1, cell: largest(all.cell) || 1, head: largest(all.head) || 1 };
}

/** Opens a text. how: "push" and "enter" make an entry of the history, "step" one for a run, "quiet" none. */
function openText(model, place, how) {
  if (model !== state.model) showModel(model);
  state.place = place;
  const split = text().scores[state.split] || [];
  state.word = strongest(split, 1).first[0]?.place ?? 0;
  state.wordChosen = false;
  if (!state.headChosen || !isHead(state.head)) state.head = carrier(state.word);
  ui.list.choose(place);
  drawText();
  writeAddress(how);
  if (how !== 'quiet') {
    tell('');
    ui.status.textContent = `Text ${ui.place.textContent}. ${ui['text-title'].textContent}. ${ui.verdict.textContent}`;
  }
  if (how === 'enter') ui.strips.querySelector('[tabindex="0"]')?.focus();
}

/** The head that carries a word most: by the causal table, where there is one, else by the direct one. */
function carrier(word) {
  const { model } = state;
  const direct = text().direct[state.split];
  const cells = text().causal
    ? text().causal[word]
    : direct && direct[word]
      ? model.heads.map((c) => direct[word][c])
      : null;
  const place = strongest(cells || [], 1).first[0]?.place ?? 0;
  return model.components[model.heads[place]] ?? null;
}

/** What the margin is: of more than two classes it is one against the mean of the others, and 0 decides nothing. */
function meaning() {
  const several = state.model.classes.length > 2;
  return several ? `“${towards()}” less the mean of the others` : `+ means “${towards()}”, 0 is undecided`;
}

function verdict() {
  const t = text();
  const known = isNumber(t.label);
  const title =
    `Predicted ${className(t.predicted)}${known && !isWrong(t) ? ', rightly' : ''}`;
  ui['text-title'].textContent = isWrong(t) ? `${title}, wrongly: labelled ${className(t.label)}` : title;
  ui['text-title'].classList.toggle('x-wrong', isWrong(t));
  fill(
    ui.verdict,
    'Margin ',
    make('b', { 'data-margin': true }, signed(t.margin)),
    ` logits: ${meaning()}. The words move it by ${signed(t.moved)} from ${signed(t.empty_margin)}, the margin of an empty text. `,
    make('span', { class: 'x-id' }, t.id),
  );
}

function drawText() {
  const { methods } = state.data;
  const t = text();
  verdict();
  const ends = scales();
  showStrips(ui.strips, methods, t, ends.strip);
  const scaleNote = state.relative
    ? 'The colours end at the largest score of this text.'
    : 'The colours end at the 99th percentile over all texts of this model; larger scores keep the end colour.';
  showKey(ui.key, methods, t, ends.strip, { towards: towards(), scaleNote });
  place();
  drawTables(ends);
  state.shown = -1;
  light(state.word);
  markWord();
  setStop(ui.strips, ui.strips.querySelector(`[data-word="${state.word}"]`));
  drawHead();
}

function place() {
  const at = ui.list.position();
  const n = ui.list.size();
  ui.place.textContent = at < 0 ? 'not in the list as it stands' : `${count(at + 1)} of ${count(n)}`;
  // not disabled: a button that is loses the focus
  ui.prev.setAttribute('aria-disabled', String(at <= 0));
  ui.next.setAttribute('aria-disabled', String(!n || at === n - 1));
}
