// The controls: model, search, filter and order of the list, scale of the colours, method of the direct table.

function showModel(model) {
  state.model = model;
  ui.model.value = String(state.data.models.indexOf(model));
  const has = (name) => model.texts.some((t) => isNumber(sortKey(t, name)));
  const asked = ui.sort.value || 'sure';
  fillSelect(
    ui.sort,
    Object.entries(SORTS)
      .filter(([name]) => name === 'sure' || has(name))
      .map(([name, [label]]) => [name, label]),
  );
  ui.sort.value = has(asked) ? asked : 'sure';
  const why = model.why_seed ? ` (${model.why_seed})` : '';
  const tested = isNumber(model.n_test) ? `${count(model.n_test)} test texts` : 'the test texts';
  const right = isNumber(model.accuracy) ? ` It predicts ${percent(model.accuracy, 1)} of ${tested} rightly.` : '';
  fill(
    ui.how,
    'Every row of words is one text as one method scores it: red pushes towards ',
    make('b', {}, `“${className(model.texts[0].target)}”`),
    ', blue away. Point at a word to see the heads that carry it; choose a head to see its words. ',
    make(
      'span',
      { class: 'x-small' },
      `Model ${model.label}${model.seed === undefined ? '' : `, seed ${model.seed}`}${why}.${right}`,
    ),
  );
  listTexts();
}

function listTexts() {
  const { model } = state;
  const sort = ui.sort.value;
  const [, hint, factOf] = SORTS[sort];
  const reverse = ui.order.getAttribute('aria-pressed') === 'true';
  ui.order.textContent = reverse ? 'Smallest first' : 'Largest first';
  const order = chooseTexts(model, { query: ui.search.value, filter: ui.filter.value, sort, reverse });
  ui.sort.title = hint;
  ui.list.show(order, (at) => {
    const t = model.texts[at];
    const label = isNumber(t.label) ? `labelled ${className(t.label)}, ` : '';
    const fact = isNumber(sortKey(t, sort)) ? factOf(t.sort[sort]) : 'not known';
    const facts = `${label}predicted ${className(t.predicted)}`;
    return { snippet: t.words.join(' '), facts, wrong: isWrong(t), margin: signed(t.margin), fact };
  });
  ui.count.textContent = order.length
    ? `${plural(order.length, 'text')}${order.length < model.texts.length ? ` of ${count(model.texts.length)}` : ''}. ${hint}`
    : 'No text fits. Clear the search, or show all texts.';
  if (state.place >= 0) place();
}

function changeModel() {
  const model = state.data.models[Number(ui.model.value)];
  const { id } = text();
  const same = model.dataset === state.model.dataset ? model.texts.findIndex((t) => t.id === id) : -1;
  openText(model, same >= 0 ? same : firstText(model), 'push');
}

function wireControls() {
  ui.controls.addEventListener('submit', (event) => event.preventDefault());
  ui.model.addEventListener('change', changeModel);
  ui.search.addEventListener('input', listTexts);
  for (const select of [ui.filter, ui.sort]) select.addEventListener('change', listTexts);
  ui.order.addEventListener('click', () => {
    ui.order.setAttribute('aria-pressed', String(ui.order.getAttribute('aria-pressed') !== 'true'));
    listTexts();
  });
  for (const [button, by] of [
    [ui.prev, -1],
    [ui.next, 1],
  ]) {
    button.addEventListener('click', () => {
      if (button.getAttribute('aria-disabled') !== 'true') openText(state.model, ui.list.beside(by), 'push');
    });
  }
  ui.copy.addEventListener('click', copyLink);
  ui.scale.addEventListener('change', (event) => {
    state.relative = event.target.value === 'relative';
    drawText();
  });
  ui.split.addEventListener('change', (event) => {
    state.split = event.target.value;
    drawText();
  });
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#text="]');
    if (link && link.hash === location.hash) followAddress(); // the address does not change: no event says so
  });
}

function fillControls() {
  const { data } = state;
  const several = new Set(data.models.map((m) => m.dataset)).size > 1;
  const label = (m) => (several ? `${m.label} · ${m.dataset.replace(/_/g, ' ')}` : m.label);
  fillSelect(
    ui.model,
    data.models.map((m, i) => [i, label(m)]),
  );
  ui.split.append(
    ...data.splits.map((name) => {
      const radio = make('input', {
        type: 'radio',
        name: 'explorer-split',
        autocomplete: 'off',
        value: name,
        checked: name === state.split,
      });
      return make('label', {}, radio, ` ${labelOf(name)}`);
    }),
  );
  ui.split.hidden = data.splits.length < 2;
  ui.notes.textContent = (data.notes && data.notes.left_out) || '';
}
