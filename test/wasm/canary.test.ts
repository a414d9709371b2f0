/**
 * The canaries on the real kernel: in a plain exchange none of the planted bugs shows, so that it
 * is the simulator that has to find them. What each is without its bug is an echo server.
 */
import { describe, expect, test } from 'vitest';

import { exchange, guestFile } from '../harness.js';
import { box, client, ping, take } from '../src/started.js';
import { canaries } from '../guest/canaries.js';
import { message } from './echo.cases.js';

const listen = ['127.0.0.1:0'];

describe.each(canaries)('the canary %s', (name) => {
  test.each(['', '.correct'])(
    'serves one client after the other, with its bug or not: %s',
    async (kind) => {
      const { address } = await box(guestFile(`canary/${name}${kind}`), { listen });
      for (const text of ['a first client', 'a second one']) {
        const socket = await client(address!);
        for (let i = 0; i < 3; i++)
          expect(await ping(socket, `${text}, ${i}`)).toBe(`${text}, ${i}`);
        socket.end();
        expect((await take(socket, 1)).length).toBe(0);
        expect(socket.readableEnded).toBe(true);
      }
    },
  );

  test('serves many clients at once, and long messages, without its bug', async () => {
    const { address } = await box(guestFile(`canary/${name}.correct`), { listen });
    const sent = Array.from({ length: 20 }, (_, i) => message(1 + i * 5000));
    const answers = await Promise.all(sent.map((bytes) => exchange(address!, bytes)));
    expect(answers.map((answer, i) => answer.equals(sent[i]!))).toEqual(sent.map(() => true));
  });
});
