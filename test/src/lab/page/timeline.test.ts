/** How a timeline finds what it draws, without a browser. */
import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { momentsOf } from '#src/lab/page/moment';
import { guestName, perform } from '#src/lab/page/perform';
import type { Take, Taken } from '#src/lab/page/take';
import { firstAbove, firstFrom, layOut, Look } from '#src/lab/page/timeline-layout';
import { eventAt, placesOf } from '#src/lab/page/timeline-place';
import { timelineTexts } from '#src/lab/page/timeline-texts';
import { ticks, timeText } from '#src/lab/page/timeline-time';
import { TimeWindow } from '#src/lab/page/timeline-window';

import { wasmFile } from '../../../harness.js';
import { everything, message, playsOf } from './plays.js';

/** Guests whose calls follow each other, with segments in between. */
const takes = fc
  .array(
    fc.record({
      lane: fc.nat(2),
      gapNs: fc.nat(3000),
      ns: fc.oneof(fc.constant(0), fc.nat(5_000_000)),
      blocked: fc.boolean(),
      phase: fc.constantFrom('wait' as const, 'copy' as const, 'none' as const),
      segment: fc.boolean(),
      copies: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    }),
    { maxLength: 60 },
  )
  .map((calls): Take => {
    const free = [0, 0, 0];
    const events = calls.flatMap(
      ({ lane, gapNs, ns, blocked, phase, segment, copies }): Taken[] => {
        const startNs = free[lane]! + gapNs;
        free[lane] = startNs + ns;
        const endNs = free[lane]!;
        const said = { name: 'f', inputs: 'fd=3', answer: 'SUCCESS' };
        const waited = copies !== null && { copyNs: Math.floor(startNs + copies * ns) };
        const ends = { from: 'client', to: 'a', flags: 'ACK', bytes: 1, text: 'x' };
        return [
          { kind: 'call', lane, ...said, startNs, endNs, phase, blocked, ...waited },
          ...(segment ? [{ kind: 'segment' as const, timeNs: startNs, ...ends }] : []),
        ];
      },
    );
    const at = (event: Taken) => (event.kind === 'call' ? event.startNs : event.timeNs);
    events.sort((a, b) => at(a) - at(b));
    return { kernel: 'sim', lanes: ['a', 'b', 'c'], events, endNs: Math.max(...free) };
  });
const scales = fc.constantFrom('true' as const, 'even' as const);

describe('a layout', () => {
  test('has every call in its track, in order and without overlap', () => {
    fc.assert(
      fc.property(takes, scales, (take, scale) => {
        const { tracks, segments, length } = layOut(take, scale);
        const calls = tracks.flatMap(({ events }) => [...events]);
        expect([...calls, ...segments.events].toSorted((a, b) => a - b)).toEqual([
          ...take.events.keys(),
        ]);
        for (const { starts, copies, ends } of tracks) {
          starts.forEach((start, i) => {
            expect(copies[i]!).toBeGreaterThanOrEqual(start);
            expect(ends[i]!).toBeGreaterThanOrEqual(copies[i]!);
            if (i > 0) expect(start).toBeGreaterThanOrEqual(ends[i - 1]!);
            // The shortest call is seen, where the scale is even.
            if (scale === 'even') expect(ends[i]! - start).toBeGreaterThan(0.999);
            expect(ends[i]!).toBeLessThanOrEqual(length);
          });
        }
      }),
    );
  });

  test('goes from times to places and back, and the order stays', () => {
    fc.assert(
      fc.property(takes, scales, fc.array(fc.nat(10_000_000)), (take, scale, times) => {
        const { placeOf, timeOf } = layOut(take, scale);
        const sorted = times.map((time) => Math.min(time, take.endNs)).sort((a, b) => a - b);
        const places = sorted.map(placeOf);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        places.forEach((place, i) => expect(timeOf(place)).toBeCloseTo(sorted[i]!, 3));
      }),
    );
  });

  test.each(
    [...playsOf(0, everything), ...playsOf(5, message)].map(
      (play) => [guestName(play), play.deeds.length, play] as const,
    ),
  )('has the moments of a play in their order: %s, %i deeds', (name, _, play) => {
    const file = wasmFile(name.replace('.wasm', ''));
    const take = perform(play, new Uint8Array(readFileSync(file)));
    const { placeOfMoment } = layOut(take, 'even');
    const places = momentsOf(take).map(placeOfMoment);
    expect(places.length).toBeGreaterThan(10);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  test('has who is woken behind what wakes him', () => {
    const call = { kind: 'call', lane: 0, name: 'f', inputs: '', answer: 'SUCCESS' } as const;
    const ends = { from: 'client', to: 'a', flags: 'ACK', bytes: 1, text: 'x' };
    const take: Take = {
      kernel: 'sim',
      lanes: ['a'],
      events: [
        { ...call, startNs: 0, endNs: 100, phase: 'wait', blocked: true },
        { kind: 'segment', timeNs: 100, ...ends },
        { ...call, startNs: 100, endNs: 150, phase: 'copy', blocked: true },
        { kind: 'segment', timeNs: 150, ...ends },
      ],
      endNs: 200,
    };
    const { tracks, segments } = layOut(take, 'even');
    const [wakes, answered] = tracks[0]!.ends;
    expect(segments.places[0]!).toBeLessThan(wakes!);
    expect(wakes!).toBeLessThan(tracks[0]!.starts[1]!);
    expect(answered!).toBeLessThan(segments.places[1]!);
  });

  test('knows how much of each look is between two calls', () => {
    fc.assert(
      fc.property(takes, fc.nat(20), fc.nat(20), (take, one, other) => {
        for (const { events, sums } of layOut(take, 'true').tracks) {
          const [from, to] = [one, other]
            .map((at) => Math.min(at, events.length))
            .sort((a, b) => a - b);
          let blocked = 0;
          let copied = 0;
          let waited = 0;
          for (const index of events.slice(from, to)) {
            const call = take.events[index]!;
            if (call.kind !== 'call') continue;
            if (call.blocked) blocked += call.endNs - call.startNs;
            const { startNs, endNs, copyNs, phase } = call;
            if (phase === 'wait' && copyNs === undefined) waited += endNs - startNs;
            if (copyNs !== undefined) waited += copyNs - startNs;
            if (phase === 'copy' || copyNs !== undefined) copied += endNs - (copyNs ?? startNs);
          }
          const between = (look: Look) => sums[look]![to!]! - sums[look]![from!]!;
          expect(between(Look.BLOCKED)).toBe(blocked);
          expect(between(Look.COPY)).toBe(copied);
          expect(between(Look.WAIT)).toBe(waited);
        }
      }),
    );
  });

  test('is as long as it is told, so that several can be compared', () => {
    const take: Take = { kernel: '', lanes: ['a'], events: [], endNs: 5 };
    expect(layOut(take, 'true', 1000).length).toBe(1000);
    expect(layOut(take, 'true', 1).length).toBe(5);
  });

  test('is searched by bisection', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30)), fc.nat(31), (list, value) => {
        const sorted = Float64Array.from(list.sort((a, b) => a - b));
        const first = (holds: (each: number) => boolean) => {
          const at = sorted.findIndex(holds);
          return at < 0 ? sorted.length : at;
        };
        expect(firstFrom(sorted, value)).toBe(first((each) => each >= value));
        expect(firstAbove(sorted, value)).toBe(first((each) => each > value));
      }),
    );
  });
});

test('a point in the middle of a call is that call', () => {
  fc.assert(
    fc.property(takes, scales, (take, scale) => {
      const layout = layOut(take, scale);
      const places = placesOf(layout, false, 1000, timelineTexts.en);
      const window = new TimeWindow();
      window.fit(layout.length, 1);
      layout.tracks.forEach(({ events, starts, ends }, lane) => {
        const { application, kernel } = places.tracks[lane]!;
        starts.forEach((start, i) => {
          if (ends[i]! - start < 1e-6) return;
          const share = (start + ends[i]!) / 2 / layout.length;
          const x = places.left + share * places.plotWidth;
          for (const { y, height } of [application, kernel])
            expect(eventAt(layout, places, window, x, y + height / 2)).toBe(events[i]);
        });
      });
    }),
  );
});

describe('a window', () => {
  const acts = fc.array(
    fc.oneof(
      fc.record({ zoom: fc.double({ min: 0.01, max: 100, noNaN: true }), at: fc.nat(1000) }),
      fc.record({ pan: fc.oneof(fc.integer({ min: -2000, max: 2000 }), fc.constant(Infinity)) }),
      fc.record({ reveal: fc.nat(1000) }),
    ),
  );

  test('never leaves its timeline, and is never narrower than it may be', () => {
    fc.assert(
      fc.property(acts, (all) => {
        const window = new TimeWindow();
        window.fit(1000, 5);
        for (const act of all) {
          if ('zoom' in act) window.zoom(act.zoom, act.at);
          else if ('pan' in act) window.pan(act.pan);
          else window.reveal(act.reveal, 0.1);
          expect(window.from).toBeGreaterThanOrEqual(0);
          expect(window.to).toBeLessThanOrEqual(1000.0001);
          expect(window.span).toBeGreaterThan(4.999);
          if ('reveal' in act) {
            expect(window.from).toBeLessThanOrEqual(act.reveal + 1e-6);
            expect(window.to).toBeGreaterThanOrEqual(act.reveal - 1e-6);
          }
        }
      }),
    );
  });

  test('zooms around a place, which stays where it was', () => {
    const window = new TimeWindow();
    window.fit(1000, 1);
    window.zoom(4, 400);
    expect([window.from, window.to]).toEqual([300, 550]);
    window.zoom(2, 550);
    expect([window.from, window.to]).toEqual([425, 550]);
    window.pan(-10_000);
    expect([window.from, window.to]).toEqual([0, 125]);
    window.widen();
    expect(window.whole).toBe(true);
  });
});

test('times are as people read them', () => {
  expect([0, 12, 1204, 350_000, 1_336_852_000, 61e9].map((ns) => timeText(ns))).toEqual([
    '0 ns',
    '12 ns',
    '1.204 µs',
    '350 µs',
    '1.337 s',
    '61 s',
  ]);
  const layout = layOut({ kernel: '', lanes: [], events: [], endNs: 1_000_000 }, 'true');
  const window = new TimeWindow();
  window.fit(layout.length, 1);
  expect(ticks(layout, window, 600, 100).map(({ text }) => text)).toEqual([
    '0',
    '200 µs',
    '400 µs',
    '600 µs',
    '800 µs',
    '1 ms',
  ]);
});

test('whatever is seen of an axis, no two of its marks say the same', () => {
  fc.assert(
    fc.property(
      takes,
      fc.nat(5e8),
      fc.nat(2000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(12),
      (take, laterNs, pixels, share, zooms) => {
        const later = take.events.map((event) =>
          event.kind === 'call'
            ? { ...event, startNs: event.startNs + laterNs, endNs: event.endNs + laterNs }
            : { ...event, timeNs: event.timeNs + laterNs },
        );
        const layout = layOut({ ...take, events: later, endNs: take.endNs + laterNs }, 'even');
        const window = new TimeWindow();
        window.fit(layout.length, 0.1);
        window.zoom(2 ** zooms, share * layout.length);
        const marks = ticks(layout, window, pixels, 88);
        expect(new Set(marks.map(({ text }) => text)).size).toBe(marks.length);
        expect(marks.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 5000 },
  );
});
