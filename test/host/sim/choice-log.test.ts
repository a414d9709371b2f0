/** Seeds, logs and hashes: the same everywhere, and each thing by a stream of its own. */
import { readdirSync, readFileSync } from 'node:fs';

import { ChoiceLog, type Choice } from '#host/sim/choice-log';
import { decisions, inWords, profileNames, profileOf } from '#host/sim/fault';
import { hashOf, Stream } from '#host/sim/prng';
import { TraceHash } from '#host/sim/trace-hash';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { root } from '../../harness.js';

const kinds = Object.keys(decisions);

/** What a run asks: some things, each of which decides something, with some alternatives. */
const questions = fc.array(
  fc.record({
    label: fc
      .tuple(fc.constantFrom('net/1.client', 'net/1.server', 'guest'), fc.constantFrom(...kinds))
      .map((parts) => parts.join('/')),
    alternatives: fc.integer({ min: 1, max: 5000 }),
  }),
  { maxLength: 300 },
);
const seeds = fc.maxSafeNat();
const profiles = fc.constantFrom(...profileNames);
type Question = { label: string; alternatives: number };
const answers = (log: ChoiceLog, asked: readonly Question[]) =>
  asked.map(({ label, alternatives }) => log.choose(label, alternatives));

describe('streams', () => {
  test('a seed and a label give the words that they gave when this was written', () => {
    const stream = new Stream(42, 'net/1.client/split');
    expect([stream.word(), stream.word(), stream.word()]).toEqual([
      4191754858, 2532791979, 3978086173,
    ]);
  });

  test('the two halves of a seed both matter, and so does each letter', () => {
    const hashes = [
      hashOf(1, 'a'),
      hashOf(1 + 2 ** 32, 'a'),
      hashOf(2, 'a'),
      hashOf(1, 'b'),
      hashOf(1, 'aa'),
      hashOf(1, ''),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('words are spread evenly', () => {
    const counts = Array.from({ length: 16 }, () => 0);
    const stream = new Stream(7, 'even');
    for (let i = 0; i < 16_000; i++) counts[stream.below(16)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('the choice log', () => {
  test('a seed chooses the same again', () => {
    fc.assert(
      fc.property(seeds, profiles, questions, (seed, name, asked) => {
        const first = ChoiceLog.seeded(seed, profileOf(name, seed));
        const second = ChoiceLog.seeded(seed, profileOf(name, seed));
        expect(answers(second, asked)).toEqual(answers(first, asked));
        expect(second.taken).toEqual(first.taken);
      }),
    );
  });

  test('every choice is one of the alternatives', () => {
    fc.assert(
      fc.property(seeds, profiles, questions, (seed, name, asked) => {
        const values = answers(ChoiceLog.seeded(seed, profileOf(name, seed)), asked);
        values.forEach((value, i) => {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThan(asked[i]!.alternatives);
        });
      }),
    );
  });

  test('what a log holds repeats the run that made it', () => {
    fc.assert(
      fc.property(seeds, questions, (seed, asked) => {
        const log = ChoiceLog.seeded(seed, profileOf('posix', seed));
        const values = answers(log, asked);
        const again = ChoiceLog.replayed(log.taken);
        expect(answers(again, asked)).toEqual(values);
        expect(again.taken).toEqual(log.taken);
      }),
    );
  });

  test('another thing that chooses shifts nothing of the first', () => {
    fc.assert(
      fc.property(seeds, questions, (seed, asked) => {
        const alone = answers(ChoiceLog.seeded(seed, profileOf('linux', seed)), asked);
        const log = ChoiceLog.seeded(seed, profileOf('linux', seed));
        const among = asked.map(({ label, alternatives }) => {
          log.choose('net/2.other/split', 100);
          return log.choose(label, alternatives);
        });
        expect(among).toEqual(alone);
      }),
    );
  });

  test('a choice that is taken out of a log is benign, and the others stay', () => {
    const asked = Array.from({ length: 400 }, () => ({ label: 'a/split', alternatives: 9 }));
    const log = ChoiceLog.seeded(3, profileOf('linux', 3));
    const values = answers(log, asked);
    expect(log.taken.length).toBeGreaterThan(20);
    const out = log.taken[7]!;
    const rest = log.taken.filter((choice) => choice !== out);
    const expected = values.map((value, i) => (i === out.ordinal ? 0 : value));
    expect(answers(ChoiceLog.replayed(rest), asked)).toEqual(expected);
  });

  test('a value beyond the alternatives of its replay is the last of them', () => {
    const log = ChoiceLog.replayed([{ label: 'a/split', ordinal: 1, alternatives: 9, value: 8 }]);
    expect([log.choose('a/split', 9), log.choose('a/split', 4)]).toEqual([0, 3]);
    expect(log.taken).toEqual([{ label: 'a/split', ordinal: 1, alternatives: 4, value: 3 }]);
  });

  test('after healing everything is benign', () => {
    const log = ChoiceLog.seeded(1, profileOf('posix', 1));
    log.heal();
    expect(
      answers(
        log,
        kinds.map((kind) => ({ label: `x/${kind}`, alternatives: 100 })),
      ),
    ).toEqual(kinds.map(() => 0));
  });

  test('whoever wants to hears of every choice, the benign ones too', () => {
    const told: Choice[] = [];
    const log = ChoiceLog.replayed([], (choice) => told.push(choice));
    log.choose('a/split', 3);
    log.choose('a/split', 4);
    expect(told).toEqual([
      { label: 'a/split', ordinal: 0, alternatives: 3, value: 0 },
      { label: 'a/split', ordinal: 1, alternatives: 4, value: 0 },
    ]);
    expect(log.asked).toBe(2);
  });

  test('who decides is asked first, and what it leaves is as it would have been', () => {
    fc.assert(
      fc.property(questions, seeds, profiles, (asked, seed, name) => {
        const heard: Choice[] = [];
        const told = (choice: Choice) => void heard.push(choice);
        const decide = (label: string, alternatives: number) =>
          label.startsWith('guest/') ? alternatives - 1 : undefined;
        const log = ChoiceLog.seeded(seed, profileOf(name, seed), told, decide);
        const alone = answers(ChoiceLog.seeded(seed, profileOf(name, seed)), asked);
        const decided = asked.map(
          ({ label, alternatives }, i) => decide(label, alternatives) ?? alone[i],
        );
        expect(answers(log, asked)).toEqual(decided);
        expect(heard.map(({ value }) => value)).toEqual(decided);
        expect(answers(ChoiceLog.replayed(log.taken), asked)).toEqual(decided);
      }),
    );
  });
});

describe('profiles', () => {
  const chosen = (name: (typeof profileNames)[number], seed: number) => {
    const log = ChoiceLog.seeded(seed, profileOf(name, seed));
    for (let i = 0; i < 9000; i++) for (const kind of kinds) log.choose(`x/${kind}`, 100);
    return new Set(log.taken.map(({ label }) => label.slice(2)));
  };

  test('nothing happens when it is calm', () => {
    expect(chosen('calm', 5).size).toBe(0);
  });

  test('linux does all that Linux does, and nothing else', () => {
    const linux = kinds.filter((kind) => !decisions[kind]!.posix);
    expect([...chosen('linux', 5)].sort()).toEqual(linux.sort());
  });

  test('posix does everything', () => {
    expect([...chosen('posix', 5)].sort()).toEqual([...kinds].sort());
  });

  test('a swarm does some of it, with every seed something else', () => {
    const seen = [1, 2, 3, 4].map((seed) => [...chosen('swarm', seed)].sort());
    for (const kindsSeen of seen) {
      expect(kindsSeen.length).toBeGreaterThan(0);
      expect(kindsSeen.length).toBeLessThan(kinds.length);
    }
    expect(new Set(seen.map(String)).size).toBe(seen.length);
  });

  test('a decision that no profile knows is benign', () => {
    const log = ChoiceLog.seeded(5, profileOf('posix', 5));
    for (let i = 0; i < 1000; i++) expect(log.choose('x/unheard-of', 100)).toBe(0);
  });

  test('whatever a kernel or an actor asks has a rate, and whatever has a rate is asked', () => {
    const sources = ['host/sim', 'src/simulate'].flatMap((folder) =>
      readdirSync(`${root}${folder}`)
        .filter((name) => name.endsWith('.ts') && name !== 'fault.ts')
        .map((name) => readFileSync(`${root}${folder}/${name}`, 'utf8')),
    );
    const text = sources.join('\n').replace(/\/\*[^]*?\*\//g, '');
    const labels = [
      ...text.matchAll(/\$\{[\w.]+\}\/(?:\w+\/)?([a-z ]+)`/g),
      ...text.matchAll(/(?:choose|point)\('(?:[\w ]+\/)?([a-z ]+)'/g),
      ...text.matchAll(/pointOf\([\w.#]+, [\w']+, '([a-z ]+)'\)/g),
    ].map(([, decision]) => decision!);
    const asked = new Set(labels.filter((label) => !label.startsWith('completions')));
    expect([...asked].sort()).toEqual([...kinds].sort());
  });

  test('a fault is told in words', () => {
    expect(inWords('net/1.client/split')).toBe('net/1.client: bytes arrived in pieces');
    expect(inWords('split')).toBe('bytes arrived in pieces');
  });
});

describe('the trace hash', () => {
  const hash = (...words: number[]) => {
    const trace = new TraceHash();
    for (const word of words) trace.word(word);
    return trace.digest;
  };

  test('is what it was when this was written', () => {
    expect(hash(1, 2, 3)).toBe('3cb496614c7d558b');
  });

  test('tells apart order, number and value', () => {
    const all = [hash(), hash(0), hash(0, 0), hash(1), hash(1, 0), hash(0, 1), hash(-1)];
    expect(new Set(all).size).toBe(all.length);
  });

  test('finds each flipped bit of some bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), (bytes, where) => {
        const digest = (each: Uint8Array) => {
          const trace = new TraceHash();
          trace.bytes(each, 0, each.length);
          return trace.digest;
        };
        const bit = where % (bytes.length * 8);
        const other = bytes.slice();
        other[bit >> 3]! ^= 1 << (bit & 7);
        expect(digest(other)).not.toBe(digest(bytes));
      }),
    );
  });

  test('a hundred thousand little numbers have as many hashes', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 100_000; i++) seen.add(hash(i & 255, i >> 8));
    expect(seen.size).toBe(100_000);
  });
});
