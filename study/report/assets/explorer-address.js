// The address of a text: reading and writing the fragment, back and forward, and the link to copy.

const addressOf = (model, example) =>
  `#text=${[model.dataset, model.label, example.id].map(encodeURIComponent).join('/')}`;

/** The text that the address names: null for other addresses, {model, place}, or {missing} with what was asked for. */
function readAddress() {
  if (!location.hash.startsWith('#text=')) return null;
  let parts;
  try {
    parts = location.hash.slice(6).split('/').map(decodeURIComponent);
  } catch {
    return { missing: location.hash.slice(6) };
  }
  const model = state.data.models.find((m) => m.dataset === parts[0] && m.label === parts[1]);
  const place = model ? model.texts.findIndex((t) => t.id === parts[2]) : -1;
  return place < 0 ? { missing: parts.join(', ') } : { model, place };
}

function writeAddress(how) {
  const address = addressOf(state.model, text());
  const isThere = location.hash === address;
  const replace = how === 'step' && state.steps;
  state.steps = how === 'step' && (state.steps || !isThere);
  if (how === 'quiet' || isThere) return;
  try {
    if (replace) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
  } catch {
    // refused: a page in a frame, or too many entries at once; the text is shown all the same
  }
}

function followAddress() {
  state.steps = false;
  const found = readAddress();
  tell('');
  if (!found) {
    if (!location.hash) openText(state.data.models[0], firstText(state.data.models[0]), 'quiet');
    return;
  }
  if (found.missing) {
    tell(`The address names a text that this page does not have: ${found.missing}. Choose one from the list.`);
  } else {
    openText(found.model, found.place, 'quiet');
  }
  const { top, bottom } = root.getBoundingClientRect();
  if (top > innerHeight / 2 || bottom < innerHeight / 2) root.scrollIntoView({ behavior: 'instant', block: 'start' });
}

function tell(message) {
  ui.message.textContent = message;
  ui.message.hidden = !message;
}

function copyLink() {
  const address = location.href.split('#')[0] + addressOf(state.model, text());
  writeAddress('push');
  const done = (said) => {
    ui.status.textContent = said;
    ui.copy.textContent = said;
    setTimeout(() => {
      ui.copy.textContent = 'Copy link';
    }, 1600);
  };
  const clip = navigator.clipboard ? navigator.clipboard.writeText(address) : Promise.reject(new Error('no clipboard'));
  clip.then(
    () => done('Copied'),
    () => done('In the address bar'),
  );
}
