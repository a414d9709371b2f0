/** The number of watched descriptors. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { watched } from '#src/lab/experiment/watched';
import { describe, expect, test } from 'vitest';

import { root, textOf } from '../../../harness.js';
import { descriptorsOf, killed } from '../../started.js';
import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const counts = [10, 30, 100, 300, 900, 3000, 10_000];

test('measures as many descriptors as there may be, and meets the limit of select', async () => {
  const before = descriptorsOf();
  const { readings, notes } = await measured(watched);
  expect(descriptorsOf()).toBe(before);
  expectWellFormed(watched, readings);
  const { select, poll, epoll } = placesOf(readings, 'cost');
  const most = Number(poll!.at(-1));
  expect(epoll).toEqual(counts.filter((count) => count <= most));
  expect(poll).toEqual(epoll);
  expect(select).toEqual(counts.filter((count) => count <= Math.min(most, 900)));
  expect(notes.some((note) => note.startsWith('fewer than 10,000'))).toBe(most < 10_000);
  expect(notes.some((note) => note.startsWith('select took no descriptor above 1023'))).toBe(
    most > 1024,
  );
  const highest = readings.filter(({ figure }) => figure === 'limit');
  expect(highest.map(({ at }) => at)).toEqual(['epoll', 'poll', 'select']);
  expect(highest[2]!.value).toBeLessThan(1024);
});

test('ends with an error when it is aborted, and leaves nothing open', async () => {
  const before = descriptorsOf();
  await expect(measured(watched, AbortSignal.abort())).rejects.toThrow('aborted');
  expect(descriptorsOf()).toBe(before);
});

/** Measures in a process that may open so many descriptors. */
async function limited(descriptors: number) {
  const script = `
    import { watched } from '${root}dist/src/lab/experiment/watched.js';
    const notes = [];
    const { signal } = new AbortController();
    try {
      const bench = { quick: true, folder: '/', signal, note: (sentence) => notes.push(sentence) };
      const readings = await watched.measure(bench);
      console.log(JSON.stringify({ notes, readings }));
    } catch (error) {
      console.log(JSON.stringify({ name: error.name, message: error.message }));
    }`;
  const line = 'ulimit -n "$1"; exec "$2" --input-type=module --eval "$3"';
  const args = ['-c', line, 'sh', `${descriptors}`, process.execPath, script];
  const child = killed(spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  const [stdout] = await Promise.all([textOf(child.stdout), once(child, 'exit')]);
  return JSON.parse(stdout);
}

describe('in a process that may open few descriptors', () => {
  test('measures as many as there may be, and says so', async () => {
    const { notes, readings } = await limited(600);
    expect(notes).toEqual([
      'fewer than 10,000 descriptors were watched, for this process may not open so many ' +
        '(ulimit -n)',
    ]);
    expect(placesOf(readings, 'cost')).toEqual({
      epoll: [10, 30, 100, 300],
      poll: [10, 30, 100, 300],
      select: [10, 30, 100, 300],
    });
  });

  test('says in a sentence that there are too few', async () => {
    const { name, message } = await limited(64);
    expect(name).toBe('HostError');
    expect(message).toMatch(/^this process may open \d+ descriptors, and 100 are wanted: raise/);
  });
});

describe('the verdict', () => {
  interface Costs {
    select?: number;
    poll?: number;
    epoll?: number;
    most?: number;
    limit?: number;
    half?: number;
  }
  const judged = ({
    select = 100,
    poll = 2000,
    epoll = 1.1,
    most = 10_000,
    limit = 1023,
    half,
  }: Costs) => {
    const line = (series: string, at: number, value: number): MadeUp[] => [
      ['cost', series, 10, 1],
      ['cost', series, at, value, half],
    ];
    const taken = (at: string, value: number): MadeUp => [
      'limit',
      'highest descriptor',
      at,
      value,
      0,
    ];
    return watched.judge(
      madeUp(
        ...line('select', Math.min(most, 900), select),
        ...line('poll', most, poll),
        ...line('epoll', most, epoll),
        taken('select', limit),
        taken('poll', most + 20),
        taken('epoll', most + 20),
      ),
    );
  };

  test('holds where select and poll grow, epoll does not, and select has its limit', () => {
    expect(judged({})).toEqual({
      outcome: 'holds',
      because:
        'with 10,000 watched, poll costs 1,818 times as much as epoll: from 10 descriptors on, ' +
        'the cost of a wait grows by select 100 times (1 to 100 µs, at 900), by poll 2,000 times ' +
        '(1 to 2,000 µs, at 10,000) and by epoll 1.1 times (1 to 1.1 µs, at 10,000); the highest ' +
        'descriptor that select takes is 1023, and epoll 10020',
    });
  });

  test('has a condition where epoll grows a little, or not all could be seen', () => {
    const { outcome, because } = judged({ epoll: 20 });
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/^epoll may cost more with more as well, but 100 times less than poll/);
    expect(judged({ most: 3000 }).because).toMatch(/^no more than 3,000 could be watched here/);
    expect(judged({ most: 300, limit: 320 }).because).toMatch(/select's limit was not met/);
    expect(judged({ poll: 20, half: 18 }).outcome).toBe('holds with a condition');
  });

  test('does not hold where one of its parts does not', () => {
    expect(judged({ poll: 2 })).toMatchObject({ outcome: 'does not hold' });
    expect(judged({ select: 1 })).toMatchObject({ outcome: 'does not hold' });
    expect(judged({ epoll: 1000 })).toMatchObject({ outcome: 'does not hold' });
    expect(judged({ limit: 10_020 }).because).toMatch(/^select takes more than 1,024/);
  });
});
