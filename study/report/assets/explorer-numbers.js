// Numbers as the page prints them, and the colour class of a value. The same rules as study/report/numbers.py, strips.py.

const MINUS = '\u2212';
const MISSING = '–';
const LEVELS = 7; // colour steps on either side of zero

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** Like Python's: what lies exactly between two goes to the even one. */
function fixed(size, decimals) {
  const low = Math.floor(size * 10 ** decimals);
  const isTie = (size * 2 ** (decimals + 1)) % 2 === 1; // only odd multiples of such a power of 2 are
  return (isTie && low % 2 === 0 ? low / 10 ** decimals : size).toFixed(decimals);
}

/** With a true minus sign; "–" where it is not a number. Never "−0.00", and from 1 on three digits: the data has no more. */
function plain(value, decimals = 2) {
  if (!isNumber(value)) return MISSING;
  const size = Math.abs(value);
  const text = fixed(size, size < 1 ? decimals : Math.min(decimals, size < 10 ? 2 : size < 100 ? 1 : 0));
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** With its sign always shown, except for what rounds to zero. */
function signed(value, decimals = 2) {
  const text = plain(value, decimals);
  return isNumber(value) && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** Two digits and a sign, as narrow as can be: "+.62", "−1.3", "+12". For cells. */
function compact(value) {
  const size = Math.abs(value);
  const text = size >= 9.95 ? fixed(size, 0) : size >= 0.995 ? fixed(size, 1) : fixed(size, 2).slice(1);
  return (Number(text) === 0 ? '' : value > 0 ? '+' : MINUS) + text;
}

const percent = (value, decimals = 0) => (isNumber(value) ? `${plain(100 * value, decimals)}\u202f%` : MISSING);
const count = (value) => value.toLocaleString('en');
const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
const total = (values) => values.reduce((sum, value) => sum + (isNumber(value) ? value : 0), 0);
const largest = (values) => values.reduce((top, value) => (isNumber(value) ? Math.max(top, Math.abs(value)) : top), 0);

/** The 99th percentile of the sizes, so that a single outlier does not pale all others; 1 where all are zero. */
function usualTop(values) {
  const sizes = Float64Array.from(values.filter(isNumber), Math.abs).sort();
  if (!sizes.length) return 1;
  const place = 0.99 * (sizes.length - 1);
  const low = Math.floor(place);
  const next = sizes[Math.min(low + 1, sizes.length - 1)];
  return sizes[low] + (place - low) * (next - sizes[low]) || sizes[sizes.length - 1] || 1;
}

/** "d-7" … "d7": colour class of a signed value on a scale that ends at `top`; beyond it the colour stays at its end. */
function signedLevel(value, top) {
  if (!isNumber(value)) return 'cut';
  return `d${Math.round(LEVELS * Math.max(-1, Math.min(1, value / top))) || 0}`;
}

/** "s0" … "s7": of a value that is never negative. */
function unsignedLevel(value, top) {
  return isNumber(value) ? `s${Math.round(LEVELS * Math.max(0, Math.min(1, value / top))) || 0}` : 'cut';
}

/** Lower case without accents: what a search compares. */
function folded(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
