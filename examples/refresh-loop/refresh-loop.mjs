// How a client of Countersign carries its session on: in browsers and in Node, without dependencies. Copy it.

/** The person has to sign in again. `code` says why; `refresh_token_replayed` is worth telling them. */
export class SignInNeeded extends Error {
  constructor(code) {
    super(`sign in again: ${code}`);
    this.name = 'SignInNeeded';
    this.code = code;
  }
}

/** Nothing is wrong with the session, and it was not possible to go on just now. Try again later. */
export class TryLater extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = 'TryLater';
  }
}

/**
 * Makes a `fetch` that refreshes when it has to. Requests whose body is a stream cannot be repeated: give text or bytes.
 *
 * @param {object} options
 * @param {string} options.origin of the gateway
 * @param {'bearer' | 'cookie' | 'session'} [options.delivery] as chosen at the sign-in
 * @param {object} [options.store] `read()` and `write(state)`, which may be asynchronous, of a plain object; by default in memory, and
 *   with cookies in `localStorage`, where all tabs see it (it then holds no secret)
 * @param {(work: () => Promise<void>) => Promise<void>} [options.lock] runs one at a time of all who share the store
 * @param {number} [options.tries] how often a refresh, or a GET, is asked for in all when the answer is 429, 503 or lost
 * @param {number} [options.longestWait] seconds; whoever is told to wait longer gives up at once
 */
export function createClient({
  origin,
  delivery = 'bearer',
  store = delivery === 'bearer' ? memory() : (sharedByTabs(origin) ?? memory()),
  lock = webLock(`countersign-refresh ${origin}`),
  fetch = globalThis.fetch.bind(globalThis),
  sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  tries = 5,
  // The longest that identity says, and what is added to it.
  longestWait = 80,
}) {
  let refreshing;

  /** Keeps what a sign-in was answered. */
  async function signedIn({ access_token, refresh_token }) {
    // The turn tells others who share the store that somebody has been here since they looked.
    const turn = crypto.randomUUID();
    await store.write({ turn, ...(delivery === 'bearer' && { access_token, refresh_token }) });
  }

  /** Forgets the session; `code` is what later requests fail with. */
  async function signedOut(code = 'signed_out') {
    await store.write({ turn: crypto.randomUUID(), ended: code });
  }

  /** Like `fetch`, for a path. @throws {SignInNeeded} @throws {TryLater} @throws {TypeError} the network's fault */
  async function request(path, init = {}) {
    for (let again = false; ; again = true) {
      const held = await store.read();
      if (held?.ended) throw new SignInNeeded(held.ended);
      if (delivery === 'bearer' && !held) throw new SignInNeeded('not_signed_in');
      const answer = await askPatiently(path, init, held);
      if (answer.status !== 401) return answer;
      const code = await codeOf(answer);
      if (delivery === 'session' && ENDED.has(code) && (await isStill(held)))
        throw await ended(code);
      // Refused before anything was done: also what changes something is sent again. A second 401 is the service's own affair.
      if (again) return answer;
      if (delivery !== 'session') await refreshAfter(held?.turn);
      // The session goes on: its token was overtaken on the way. Anything else is the service's own affair too.
      else if (!OVERTAKEN.has(code) && !ENDED.has(code)) return answer;
    }
  }

  /** Whether nobody who shares the store has signed in, out, or refreshed since. */
  async function isStill(held) {
    return (await store.read())?.turn === held?.turn;
  }

  /** Forgets the session, for everybody who shares the store. */
  async function ended(code) {
    await signedOut(code);
    return new SignInNeeded(code);
  }

  /** However many ask, and in however many tabs: one refresh; where storage is slow to reach a tab, that asks once more. */
  function refreshAfter(turn) {
    refreshing ??= lock(async () => {
      const held = await store.read();
      if (held?.ended) throw new SignInNeeded(held.ended);
      if (held?.turn === turn) await refresh(held);
    }).finally(() => (refreshing = undefined));
    return refreshing;
  }

  async function refresh(held) {
    const token = delivery === 'bearer' && JSON.stringify({ refresh_token: held.refresh_token });
    const headers = token ? { 'content-type': 'application/json' } : {};
    for (let tried = 1; ; tried += 1) {
      const { answer, body, fault } = await send('/auth/refresh', {
        method: 'POST',
        headers,
        ...(token && { body: token }),
      })
        .then(
          async (answer) => ({ answer, body: await answer.json() }),
          (fault) => ({ fault }),
        )
        .catch((fault) => ({ fault }));
      // Kept before anything uses it: the token that was sent is spent now.
      if (answer?.ok) return signedIn(body);
      if (answer?.status === 401) {
        // A late answer, to what somebody has signed in over meanwhile.
        if (!(await isStill(held))) return;
        // With cookies that were written over on the way, as by a new password: the ones that there are now may be good.
        if (delivery === 'cookie' && body.code === 'refresh_token_rejected' && tried === 1)
          continue;
        throw await ended(body.code);
      }
      if (answer && !isBusy(answer)) throw new Error(`refresh: ${answer.status} ${body.code}`);
      // No answer: it may have been done. Soon enough, the same token gets the same successor.
      const seconds = answer ? waitOf(answer) : 0.2 + Math.random() * 0.3;
      if (tried >= tries || seconds > longestWait)
        throw new TryLater('the session cannot be refreshed right now', { cause: fault });
      await sleep(seconds * 1000);
    }
  }

  /** Repeats what only reads while the answer is 429 or 503; of anything else nobody knows whether it was done. */
  async function askPatiently(path, init, held) {
    const repeatable = ['GET', 'HEAD'].includes((init.method ?? 'GET').toUpperCase());
    for (let tried = 1; ; tried += 1) {
      const headers = new Headers(init.headers);
      if (delivery === 'bearer') headers.set('authorization', `Bearer ${held.access_token}`);
      const answer = await send(path, { ...init, headers });
      if (!isBusy(answer) || !repeatable || tried >= tries) return answer;
      const seconds = waitOf(answer);
      if (seconds > longestWait) return answer;
      await answer.body?.cancel();
      await sleep(seconds * 1000);
    }
  }

  function send(path, init) {
    // A request shows one credential: a header or a cookie.
    return fetch(origin + path, {
      ...init,
      credentials: delivery === 'bearer' ? 'omit' : 'include',
    });
  }

  return { fetch: request, signedIn, signedOut };
}

/** What a request with delivery `session` is answered when there is no session behind its cookie, or no cookie. */
const ENDED = new Set(['session_ended', 'credentials_required']);
/** A cut-off, or the end of the token, came between its making and its check. */
const OVERTAKEN = new Set(['revoked', 'expired']);

const isBusy = ({ status }) => status === 429 || status === 503;

/** Seconds to wait: never less than `Retry-After` says, and a little more by chance, so that not all come back at once. */
function waitOf(answer) {
  const said = Number(answer.headers.get('retry-after') ?? 1);
  const least = Number.isFinite(said) ? said : 5;
  return least + Math.random() * Math.max(1, least / 4);
}

async function codeOf(answer) {
  const { code } = await answer
    .clone()
    .json()
    .catch(() => ({}));
  return code ?? 'unauthorized';
}

function memory() {
  let held;
  return { read: () => held, write: (state) => void (held = state) };
}

function sharedByTabs(origin) {
  if (typeof document === 'undefined') return undefined;
  const key = `countersign ${origin}`;
  return {
    read: () => JSON.parse(localStorage.getItem(key) ?? 'null') ?? undefined,
    write: (state) => localStorage.setItem(key, JSON.stringify(state)),
  };
}

/** Across tabs where there are Web Locks; elsewhere a client of its own has a session of its own. */
function webLock(name) {
  const locks = globalThis.navigator?.locks;
  return locks ? (work) => locks.request(name, work) : (work) => work();
}
