/** Asking for a click, or an event queue. */
import { pid } from 'node:process';

import { childrenOf } from '#src/lab/experiment/family';
import { mouse } from '#src/lab/experiment/mouse';
import { describe, expect, test } from 'vitest';

import { expectWellFormed, madeUp, measured, placesOf } from '../made-up.js';

const [ASKING, BLOCKED, QUEUE] = [
  'asking in a loop',
  'asking, and a device blocks',
  'event queue',
] as const;

test('measures what watching costs, and leaves nobody behind', { timeout: 60_000 }, async () => {
  const before = childrenOf(pid);
  const { readings } = await measured(mouse);
  expectWellFormed(mouse, readings);
  for (const name of ['processor', 'reaction']) {
    const places = placesOf(readings, name);
    expect(Object.keys(places).sort()).toEqual([ASKING, QUEUE]);
    expect(places[ASKING]![0]).toBe(1);
    expect(places[ASKING]).toEqual(places[QUEUE]);
  }
  const places = placesOf(readings, 'blocking');
  expect(Object.keys(places).sort()).toEqual([ASKING, BLOCKED, QUEUE]);
  for (const at of Object.values(places)) expect(at).toEqual(['a click', 'a key']);
  for (const { value } of readings) expect(value).toBeGreaterThan(0);
  expect(childrenOf(pid)).toEqual(before);
});

describe('the verdict', () => {
  interface Made {
    cpu?: [asking: number, queue: number];
    reaction?: [asking: number, queue: number];
    key?: [blocked: number, queue: number];
    half?: number;
  }
  const judged = ({ cpu = [100, 1], reaction = [300, 60], key = [50, 0.06], half }: Made = {}) =>
    mouse.judge(
      madeUp(
        ['processor', ASKING, 1, cpu[0]],
        ['processor', QUEUE, 1, cpu[1]],
        ['reaction', ASKING, 1, 20],
        ['reaction', QUEUE, 1, 50],
        ['reaction', ASKING, 1000, reaction[0], half],
        ['reaction', QUEUE, 1000, reaction[1], half],
        ['blocking', BLOCKED, 'a key', key[0]],
        ['blocking', QUEUE, 'a key', key[1]],
      ),
    );

  test('holds where asking burns, is blocked, and is late', () => {
    expect(judged()).toEqual({
      outcome: 'holds',
      because:
        'asking burns a processor, is blocked, and is late for many devices: with 1 device a ' +
        'processor is busy for 100 % by asking and 1 % by the queue, and the reaction takes 20 µs ' +
        'by asking and 50 µs by the queue; with 1000 it takes 300 µs by asking and 60 µs by the ' +
        'queue; a key waits for 50 ms where the mouse blocks, and for 0.06 ms in the queue',
    });
  });

  test('holds with a condition where asking is not late with many', () => {
    const { outcome, because } = judged({ reaction: [55, 60] });
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/^asking is not late for as many as 1000 devices: /);
    expect(judged({ half: 150 }).because).toMatch(
      /^the numbers were too unsteady to tell whether asking is late for 1000 devices: /,
    );
  });

  test('holds with a condition where a device that blocks makes no other wait', () => {
    const { outcome, because } = judged({ key: [0.07, 0.06] });
    expect(outcome).toBe('holds with a condition');
    expect(because).toContain('makes no other wait');
  });

  test('does not hold where asking costs no more', () => {
    expect(judged({ cpu: [5, 1] }).outcome).toBe('does not hold');
  });
});
