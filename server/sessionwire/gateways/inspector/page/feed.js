// @ts-check
/** The stream of what the server tells: read line by line, and opened again when it breaks. */

/**
 * @typedef {import('./facts.js').Message} Message
 * @typedef {import('./facts.js').Status} Status
 */

const EVENTS = '/inspector/events?since=0000000000000000&census=2';
/** The server says something every two seconds, or when it is busy a little later. */
const SILENCE = 12_000;
/** Lines that are taken before the page may draw, and be clicked, again. */
const AT_ONCE = 200;
const [SHORTEST, LONGEST] = [500, 10_000];

/**
 * Watches until it is stopped or refused.
 *
 * @param {object} options
 * @param {() => string | null} options.token  the admin token, if one was given
 * @param {(messages: Message[]) => void} options.hear
 * @param {(status: Status, why: string, httpStatus?: number) => void} options.turn  the state of the stream changed
 */
export function createFeed({ token, hear, turn }) {
  /** @type {AbortController | null} */
  let open = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let [isStopped, failures] = [false, 0];

  const watch = async () => {
    const controller = new AbortController();
    open = controller;
    let why = 'The server closed the stream.';
    try {
      const answer = await ask(EVENTS, token(), controller.signal);
      if (answer.status === 401 || answer.status === 403) {
        isStopped = true;
        turn('refused', await reasonOf(answer), answer.status);
        return;
      }
      if (!answer.ok || answer.body === null) throw new Error(await reasonOf(answer));
      turn('live', '');
      await read(answer.body, controller);
    } catch (error) {
      why = controller.signal.aborted ? 'The server has been silent for too long.' : wordFailure(error);
    }
    if (!isStopped) retry(why);
  };

  /** @param {ReadableStream<Uint8Array>} body @param {AbortController} controller */
  const read = async (body, controller) => {
    const [reader, decoder] = [body.getReader(), new TextDecoder()];
    let [rest, isDone] = ['', false];
    let silence = setTimeout(() => controller.abort(), SILENCE);
    try {
      while (!isDone) {
        const { value, done } = await reader.read();
        clearTimeout(silence);
        silence = setTimeout(() => controller.abort(), SILENCE);
        const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
        rest = lines.pop() ?? '';
        for (let at = 0; at < lines.length; at += AT_ONCE) {
          const messages = lines.slice(at, at + AT_ONCE).filter((line) => line !== '').map((line) => JSON.parse(line));
          if (messages.length > 0) hear(messages);
          if (at > 0) await new Promise((next) => setTimeout(next));
          failures = 0;
        }
        isDone = done;
      }
    } finally {
      clearTimeout(silence);
    }
  };

  /** @param {string} why */
  const retry = (why) => {
    turn('stale', why);
    const wait = Math.min(LONGEST, SHORTEST * 2 ** failures) * (0.5 + Math.random() / 2);
    failures += 1;
    timer = setTimeout(watch, wait);
  };

  return {
    start() {
      isStopped = false;
      turn('connecting', '');
      void watch();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      open?.abort();
    },
  };
}

/** @param {string} path @param {string | null} token @param {AbortSignal} [signal] */
export function ask(path, token, signal) {
  const headers = token === null ? undefined : { Authorization: `Bearer ${token}` };
  return fetch(path, { cache: 'no-store', ...(headers && { headers }), ...(signal && { signal }) });
}

/** @param {Response} answer */
async function reasonOf(answer) {
  const said = await answer.json().catch(() => null);
  return typeof said?.message === 'string' ? said.message : `The server answered ${answer.status}.`;
}

/** Browsers word a lost connection each in their own way. @param {unknown} error */
function wordFailure(error) {
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
