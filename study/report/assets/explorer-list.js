// The list of texts: which of them, in which order, and the list box that shows them.

const CHUNK = 60; // options made at a time

// By key: [label, what it means, what is said of a text].
const SORTS = {
  sure: ['confidence', 'Size of the margin: how sure the model is.', () => ''],
  gap: [
    'SHAP–LIME disagreement',
    'Share by which the scores of SHAP and LIME differ, each scaled to the same total: 0 alike, 1 nothing in common.',
    (v) => `SHAP and LIME differ by ${percent(v)}`,
  ],
  hidden: [
    'cancellation inside words',
    'Share of what the components write that cancels before it reaches a word’s score.',
    (v) => `${percent(v)} cancels`,
  ],
  parted: [
    'direct–causal parting',
    'How far what the heads write (direct) and what the words need of them (causal) are apart: 0 alike, 1 opposed.',
    (v) => `direct and causal differ by ${percent(v)}`,
  ],
  wrong: ['error: wrong and sure first', 'Wrong predictions first, the surest of them on top.', () => ''],
};

const isWrong = (text) => isNumber(text.label) && text.label !== text.predicted;

/** null where it is not known, as errors are not of texts that nobody labelled. */
function sortKey({ sort }, name) {
  return name === 'wrong' && isNumber(sort.wrong) ? sort.wrong * 1e6 + (sort.sure || 0) : sort[name];
}

/** The texts that pass search and filter, as places in model.texts, in the order asked for; missing values last. */
function chooseTexts(model, { query, filter, sort, reverse }) {
  const terms = folded(query).split(/\s+/).filter(Boolean);
  const passes = {
    all: () => true,
    wrong: isWrong,
    right: (text) => isNumber(text.label) && !isWrong(text),
    causal: (text) => Boolean(text.causal),
  }[filter];
  const places = model.texts
    .map((_, place) => place)
    .filter((place) => {
      const text = model.texts[place];
      if (terms.length && text.folded === undefined) text.folded = folded(text.words.join(' '));
      return passes(text) && terms.every((term) => text.folded.includes(term));
    });
  const sign = reverse ? 1 : -1;
  const key = (place) => sortKey(model.texts[place], sort);
  const known = places.filter((place) => isNumber(key(place)));
  known.sort((a, b) => sign * (key(a) - key(b)) || a - b);
  return known.concat(places.filter((place) => !isNumber(key(place))));
}

/** The list box. show(order, …) fills it; choose(place) marks a text; open(place, how) is called when one is chosen. */
function makeList(box, open) {
  let order = [];
  let chosen = -1;
  let describe = null;

  const at = () => order.indexOf(chosen);
  const optionId = (place) => `explorer-option-${place}`;

  function extend(upTo) {
    const from = box.querySelectorAll('[role=option]').length;
    const options = order.slice(from, Math.min(order.length, upTo)).map((place, i) => {
      const { snippet, facts, wrong, margin, fact } = describe(place);
      return make(
        'div',
        {
          role: 'option',
          id: optionId(place),
          class: 'x-option',
          'data-explorer-text': place,
          'aria-selected': String(place === chosen),
          'aria-posinset': from + i + 1,
          'aria-setsize': order.length,
        },
        make('span', { class: 'x-snippet' }, snippet),
        make(
          'span',
          { class: 'x-facts' },
          make('span', {}, wrong ? make('b', {}, 'wrong: ') : null, facts),
          make('span', {}, margin),
          fact ? make('span', {}, fact) : null,
        ),
      );
    });
    box.append(...options);
  }

  function mark(isScrolled) {
    for (const option of box.querySelectorAll('[aria-selected=true]')) option.setAttribute('aria-selected', 'false');
    if (at() >= 0) extend(Math.ceil((at() + 1) / CHUNK) * CHUNK);
    const option = at() >= 0 ? document.getElementById(optionId(chosen)) : null;
    if (!option) return box.removeAttribute('aria-activedescendant');
    option.setAttribute('aria-selected', 'true');
    box.setAttribute('aria-activedescendant', option.id);
    if (!isScrolled) return;
    const top = option.offsetTop; // moved by hand: scrollIntoView would move the page as well
    if (top < box.scrollTop) box.scrollTop = top;
    const end = top + option.offsetHeight - box.clientHeight;
    if (end > box.scrollTop) box.scrollTop = end;
  }

  box.addEventListener('scroll', () => {
    const made = box.querySelectorAll('[role=option]').length;
    if (made < order.length && box.scrollTop + 2 * box.clientHeight > box.scrollHeight) extend(made + CHUNK);
  });
  box.addEventListener('click', (event) => {
    const option = event.target.closest('[data-explorer-text]');
    if (option) open(Number(option.dataset.explorerText), 'push');
  });
  box.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !order.length) return;
    const last = order.length - 1;
    const steps = { ArrowDown: at() + 1, j: at() + 1, ArrowUp: at() - 1, k: at() - 1, Home: 0, End: last };
    steps.PageDown = at() + 5;
    steps.PageUp = at() - 5;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      if (at() >= 0) open(chosen, 'enter');
    } else if (event.key in steps) {
      event.preventDefault();
      open(order[Math.max(0, Math.min(last, steps[event.key]))], 'step');
    }
  });

  return {
    show(newOrder, describer) {
      order = newOrder;
      describe = describer;
      box.replaceChildren();
      box.scrollTop = 0;
      extend(CHUNK);
      mark(false);
    },
    choose(place) {
      chosen = place;
      mark(true);
    },
    /** The text `by` places further down the list; of a text outside it the first. */
    beside: (by) => (at() < 0 ? order[0] : order[at() + by]),
    position: () => at(),
    size: () => order.length,
  };
}
