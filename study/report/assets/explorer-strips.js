// The words of one text, one strip a method: signed methods in logits on one scale, the others each on its own.

/** Where the colours of a method end in this text: the shared end for signed methods, else its own largest. */
function stripTop(method, text, shared) {
  return method.kind === 'signed' ? shared : largest(text.scores[method.name]) || 1;
}

function scoreLevel(method, value, top) {
  return method.kind === 'unsigned' ? unsignedLevel(value, top) : signedLevel(value, top);
}

/** What is said of a word beside its colour. */
function remarks(text, word) {
  const said = [];
  if (text.unknown.includes(word)) said.push('not in the vocabulary');
  if (word >= text.seen) said.push('beyond the model’s length');
  if ((text.truth || []).includes(word)) said.push('known to decide');
  return said;
}

function wordClass(text, word, level) {
  const marks = [text.unknown.includes(word) ? ' unknown' : '', (text.truth || []).includes(word) ? ' truth' : ''];
  return `w ${word < text.seen ? level : 'cut'}${marks.join('')}`;
}

/** The strips into `grid`: rows of a grid whose cells the arrow keys reach. */
function showStrips(grid, methods, text, shared) {
  const rows = methods
    .filter((method) => text.scores[method.name])
    .map((method) => {
      const scores = text.scores[method.name];
      const top = stripTop(method, text, shared);
      const cells = text.words.flatMap((word, i) => {
        const value = i < text.seen ? scores[i] : null;
        const about = [`${method.label} ${signed(value, 3)}`, ...remarks(text, i)].join(', ');
        const attributes = {
          role: 'gridcell',
          class: wordClass(text, i, scoreLevel(method, value, top)),
          tabindex: -1,
          title: about,
          'aria-label': `${isolate(word)}: ${about}`,
          'data-stop': true,
          'data-word': i,
          'data-method': method.name,
        };
        return [make('span', attributes, word), ' '];
      });
      const note = method.kind === 'signed' ? null : make('small', {}, 'own scale');
      return make(
        'div',
        { role: 'row', class: 'strip', 'data-row': true, 'data-strip': method.name },
        make('div', { role: 'rowheader', class: 'strip-label' }, method.label, note ? ' ' : null, note),
        make('div', { role: 'presentation', class: 'strip-words' }, ...cells),
      );
    });
  fill(grid, ...rows);
}

/** The legend: the shared scale in figures, which methods have their own, and what the marks of words mean. */
function showKey(key, methods, text, shared, { towards, scaleNote }) {
  const shown = methods.filter((method) => text.scores[method.name]);
  const own = shown.filter((method) => method.kind !== 'signed').map((method) => method.label);
  const mark = (kind, meaning) => make('span', {}, make('span', { class: `w ${kind}` }, 'word'), ` ${meaning}`);
  fill(
    key,
    ramp(signed(-shared), signed(shared), 'd', 'logits'),
    make('span', {}, `Red towards “${towards}”, blue away. ${scaleNote}`),
    own.length ? make('span', {}, `On a scale of their own, not in logits: ${own.join(', ')}.`) : null,
    text.unknown.length ? mark('unknown', 'not in the vocabulary') : null,
    text.seen < text.words.length ? mark('cut', 'beyond the model’s length') : null,
    (text.truth || []).length ? mark('truth', 'known to decide') : null,
  );
}
