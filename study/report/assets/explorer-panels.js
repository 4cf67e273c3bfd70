// Two panels beside each other: the heads that carry one word, and one head's words here and over the data set.

const MOST_BARS = 12;
const MOST_WORDS = 5;
const CLASSES = {
  direct: 'writes itself what it is credited with',
  indirect: 'acts mostly by what later layers make of it',
  backup: 'heads that push the same way share its work',
  cancelling: 'other heads or itself take its work back',
  mixed: 'no single account fits',
  null: 'can be taken out without a loss that shows',
};

/** [{place, value}] of the largest sizes, and what the others sum to. */
function strongest(values, most) {
  const found = values.map((value, place) => ({ place, value })).filter(({ value }) => isNumber(value));
  found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value) || a.place - b.place);
  return { first: found.slice(0, most), rest: found.slice(most) };
}

/** Bars by size. label(place) makes what stands before a bar; key names the list for tests and styles. */
function barList(key, values, most, top, label) {
  const { first, rest } = strongest(values, most);
  const bars = first.map(({ place, value }) =>
    make(
      'li',
      { class: 'x-bar', 'data-row': true, title: signed(value, 3) },
      label(place),
      meter(value, top),
      make('span', { class: 'x-number' }, signed(value)),
    ),
  );
  const sum = total(rest.map(({ value }) => value));
  const others = rest.length
    ? make('li', { class: 'x-small' }, `${count(rest.length)} more, together ${signed(sum)}`)
    : null;
  const list = make('ul', { class: 'x-bars', 'data-bars': key }, ...bars, others);
  rove(list);
  setStop(list, list.querySelector('[data-stop]'));
  return list;
}

function column(title, hint, ...children) {
  return make('div', {}, make('h4', {}, title), make('p', { class: 'x-small' }, hint), ...children);
}

const headButton = (name) =>
  make(
    'button',
    { type: 'button', 'data-stop': true, tabindex: -1, 'data-head': name, title: `Show head ${name}` },
    name,
  );
const wordButton = (text, word) =>
  make(
    'button',
    {
      type: 'button',
      'data-stop': true,
      tabindex: -1,
      'data-pick': word,
      title: `Show the word “${isolate(text.words[word])}”`,
    },
    text.words[word],
  );

/** The word `word` of a text: its scores, the heads it needs and the components that write it. */
function showWord(panel, { model, text, word, split, methods }) {
  const scores = methods.filter((m) => m.kind === 'signed' && text.scores[m.name]);
  const facts = scores.map((m) =>
    make('span', { 'data-score': m.name }, `${m.label} `, make('b', {}, signed(text.scores[m.name][word]))),
  );
  const said = remarks(text, word);
  const title = make(
    'h3',
    { id: 'explorer-word-title' },
    '“',
    isolated(text.words[word]),
    '” ',
    make('small', {}, `word ${word + 1} of ${text.words.length}`),
  );
  if (word >= text.seen) {
    fill(panel, title, make('p', {}, 'Beyond the model’s length: it never sees this word.'));
    return;
  }
  const written = text.direct[split] ? text.direct[split][word] : null;
  const needed = text.causal ? text.causal[word] : null;
  const top = Math.max(largest(written || []), largest(needed || []));
  const component = (place) =>
    model.heads.includes(place)
      ? headButton(model.components[place])
      : make('span', { title: model.components[place] }, model.components[place]);
  fill(
    panel,
    title,
    make('p', { class: 'x-facts' }, ...facts, said.length ? make('i', {}, said.join(', ')) : null),
    make('p', { class: 'x-small x-hint' }, 'Logits. Point at another word to see it here; click it to keep it.'),
    make(
      'div',
      { class: 'x-columns' },
      needed
        ? column(
            'Heads it needs',
            'Causal: what its effect loses without the head, on average.',
            barList('word-causal', needed, MOST_BARS, top, (i) => headButton(model.components[model.heads[i]])),
          )
        : column('Heads it needs', 'No causal table for this text.'),
      written
        ? column(
            'Where its effect is written',
            'Direct: what each component adds to the margin for it.',
            barList('word-direct', written, MOST_BARS, top, component),
          )
        : column('Where its effect is written', 'No direct table for this text.'),
    ),
  );
}

/** One line under the strips, in view while the reader points: the word and the heads that carry it most. */
function showBrief(line, { model, text, word, split, method }) {
  const part = (said, values, name) => {
    const first = strongest(values || [], 3).first.map(({ place, value }) => `${name(place)} ${signed(value)}`);
    return first.length ? ` · ${said} ${first.join(', ')}` : '';
  };
  const direct = text.direct[split];
  const needs = part('needs', text.causal && text.causal[word], (i) => model.components[model.heads[i]]);
  const written = part('written by', direct && direct[word], (i) => model.components[i]);
  const score = (text.scores[split] || [])[word];
  const scored = isNumber(score) ? ` ${method} ${signed(score)}` : '';
  fill(
    line,
    make('b', {}, isolated(text.words[word])),
    word < text.seen ? `${scored}${needs}${written}` : ' beyond the model’s length',
  );
}

/** [values by head] of a text, causal then direct: the two head grids. */
function headValues(model, text) {
  const summed = () => model.heads.map((_, i) => total(text.causal.map((row) => (row ? row[i] : null))));
  const causal = text.heads?.head_shapley ?? (text.causal ? summed() : null);
  return { causal, direct: model.heads.map((c) => text.beyond[c]) };
}

/** Layers × heads as buttons in the colours of the words. */
function headGrid(key, title, model, values, top, chosen) {
  const layers = [...new Set(model.heads.map((c) => model.layers[c]))];
  const rows = layers.map((layer) => {
    const heads = model.heads.map((c, i) => [c, i]).filter(([c]) => model.layers[c] === layer);
    const cells = heads.map(([c, i]) => {
      const name = model.components[c];
      return make(
        'button',
        {
          type: 'button',
          class: signedLevel(values[i], top),
          tabindex: -1,
          'data-stop': true,
          'data-head': name,
          'aria-pressed': String(name === chosen),
          title: `${name}: ${signed(values[i], 3)}`,
        },
        make('span', {}, name),
        make('b', {}, signed(values[i])),
      );
    });
    return make('div', { class: 'x-layer', 'data-row': true }, ...cells);
  });
  const grid = make(
    'div',
    { class: 'x-plate x-heads', role: 'group', 'aria-label': title, 'data-head-grid': key },
    ...rows,
  );
  rove(grid);
  setStop(grid, grid.querySelector('[aria-pressed=true]') || grid.querySelector('[data-stop]'));
  return make('div', {}, make('h4', {}, title), grid);
}

function profileFacts(profile, model) {
  if (!profile.class) return 'Nothing is known of it over the data set.';
  const sizes = [
    ['writes', profile.direct],
    ['Shapley value', profile.causal],
    ['alone missing', profile.ablation],
  ];
  const told = sizes.filter(([, v]) => isNumber(v)).map(([name, v]) => `${name} ${plain(v)}`);
  const looks = isNumber(profile.to_cls) ? ` Attention to CLS ${percent(profile.to_cls)}` : '';
  const places = total(model.texts.map((t) => t.seen + 1)) / model.texts.length;
  const many = Math.exp(profile.entropy);
  const spread = isNumber(profile.entropy)
    ? `, spread over about ${plain(many, many < 10 ? 1 : 0)} of ${plain(places, 0)} places.`
    : looks
      ? '.'
      : '';
  return `Mean sizes over the data set, logits: ${told.join(', ') || MISSING}.${looks}${spread}`;
}

function pushed(title, words) {
  const told = (words || [])
    .slice(0, MOST_WORDS)
    .map(([word, mean, n]) =>
      make(
        'li',
        { title: `mean over the ${plural(n, 'text')} with this word` },
        make('span', {}, isolated(word)),
        make('small', {}, `n = ${n}`),
        make('b', {}, signed(mean)),
      ),
    );
  return column(
    title,
    'Causal mean, texts with a causal table.',
    make('ul', { class: 'x-words', 'data-profile-words': title }, ...told),
    told.length ? null : 'None known.',
  );
}

/** Where the head looks: CLS and the words, darker where it looks more. */
function attentionStrip(text, weights, name) {
  const top = largest(weights) || 1;
  const places = ['CLS', ...text.words.slice(0, text.seen)];
  const cells = places.flatMap((word, i) => [
    make(
      'span',
      {
        class: `w ${unsignedLevel(weights[i], top)}${i ? '' : ' x-cls'}`,
        title: `${isolate(word)}: ${percent(weights[i], 1)}`,
        'data-word': i ? i - 1 : null,
        'data-attention': i - 1,
      },
      word,
    ),
    ' ',
  ]);
  const most = strongest(weights, 3).first.map(({ place, value }) => [places[place], ` ${percent(value)}`]);
  const told = most.map(([word, share]) => isolate(word) + share).join(', ');
  return make(
    'div',
    { class: 'x-look' },
    make('h4', {}, 'Where it looks in this text'),
    make(
      'div',
      {
        class: 'x-plate strip-words',
        role: 'img',
        'aria-label': `Attention of ${name}: most to ${told}`,
        'data-attention-of': name,
      },
      ...cells,
    ),
    make(
      'p',
      { class: 'x-small' },
      `Attention of the place that the prediction is read from (CLS), sums to 100\u202f%; darkest ${percent(top)}. Most: `,
      ...most.flatMap(([word, share], i) => [i ? ', ' : '', isolated(word), share]),
      '.',
    ),
  );
}

/** Why a text has no words under a head. */
function splitNote(model, totals) {
  const n = model.texts.filter((t) => t.causal).length;
  if (!totals || !n) return 'No causal table for this text.';
  return `Head totals exist; the split over words was made for the first ${plural(n, 'text')} only.`;
}

/** One head: its class and sizes, its words here, over the data set, and where it looks. */
function showHead(panel, { model, text, head, split, headTop }) {
  const place = model.heads.findIndex((c) => model.components[c] === head);
  const profile = (model.profiles || {})[head] || {};
  const { causal, direct } = headValues(model, text);
  const needed = text.causal ? text.causal.map((row) => (row ? row[place] : null)) : null;
  const written = text.direct[split] ? text.direct[split].map((row) => (row ? row[model.heads[place]] : null)) : null;
  const top = Math.max(largest(needed || []), largest(written || []));
  const pick = (word) => wordButton(text, word);
  const link = document.getElementById('heads') ? make('a', { href: '#heads' }, 'all heads') : null;
  const known = profile.class
    ? make('small', { title: CLASSES[profile.class] || null }, `${profile.class}: ${CLASSES[profile.class] || ''}`)
    : null;
  fill(
    panel,
    make('h3', { id: 'explorer-head-title' }, `Head ${head} `, known),
    make('p', { class: 'x-small' }, profileFacts(profile, model), link ? ' (' : null, link, link ? ')' : null),
    make(
      'div',
      { class: 'x-columns x-grids' },
      causal ? headGrid('causal', 'Needed here (causal)', model, causal, headTop, head) : null,
      headGrid('direct', 'Written here (direct)', model, direct, headTop, head),
    ),
    text.attention?.[place]
      ? attentionStrip(text, text.attention[place], head)
      : column('Where it looks in this text', 'This run kept no attention of the place that the prediction is read from.'),
    make(
      'div',
      { class: 'x-four' },
      needed
        ? column('Words that need it', 'In this text, causal.', barList('head-causal', needed, MOST_WORDS, top, pick))
        : column('Words that need it', splitNote(model, causal)),
      written
        ? column('Words it writes', 'In this text, direct.', barList('head-direct', written, MOST_WORDS, top, pick))
        : null,
      profile.up ? pushed('It lifts most', profile.up) : null,
      profile.down ? pushed('It lowers most', profile.down) : null,
    ),
  );
}
