/** The page's worker: it has the simulator and the guests, and answers with takes. */
import { guestBytes, guestNames } from './guests.js';
import { guestName, perform } from './perform.js';
import { checkPlay } from './play.js';
import type { Answer, Question } from './protocol.js';
import { replay } from './replay.js';
import type { Take } from './take.js';

async function takeOf(question: Question): Promise<Take> {
  if (question.kind === 'replay')
    return await replay(question.token, { names: guestNames, bytes: guestBytes }, question.guest);
  const { play } = question;
  checkPlay(play);
  return perform(play, await guestBytes(guestName(play)));
}

async function answer(question: Question): Promise<Answer> {
  const { id } = question;
  try {
    return { id, kind: 'take', take: await takeOf(question) };
  } catch (error) {
    return { id, kind: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

let last: Promise<void> = Promise.resolve();

globalThis.addEventListener('message', ({ data }: MessageEvent<Question>) => {
  last = last.then(async () => globalThis.postMessage(await answer(data)));
});
