/** `pollux models`, and what it says of each model. */
import { machines, type Machine } from 'pollux/machine';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { mermaid, stateDiagram } from '#src/diagram';
import { compare, happyPath } from '#src/happy-path';
import type { Measured } from '#src/measure/measure';
import { cells, figureHeadings, headings, models } from '#src/models';
import { timingDiagram } from '#src/timing';

import { polluxToEnd } from '../harness.js';

describe('an operation that goes well', () => {
  test.each(models)('waits, copies, and ends, with $name', (machine) => {
    const legs = happyPath(machine);
    expect(legs[0]!.event).toBe('BEGIN');
    expect(legs.at(-1)!.event).toBe('COPIED');
    const phases = legs.map(({ phase }) => phase).filter((phase) => phase !== 'NO_PHASE');
    expect(phases.join(' ')).toMatch(/^(WAIT )+COPY$/);
    let state = machine.initial;
    for (const leg of legs) {
      expect(machine.step(state, leg.event)).toEqual({ state: leg.state.name, call: leg.call });
      state = leg.state.name;
    }
  });

  test('blocks in the phases that the article says', () => {
    const said = models.map((machine) => {
      const { model, wait, copy, class: kind } = compare(machine);
      return [model, wait.blocked, wait.busy, copy.blocked, kind];
    });
    expect(said).toEqual([
      ['blocking', true, false, true, 'synchronous'],
      ['nonblocking', false, true, true, 'synchronous'],
      ['select', true, false, true, 'synchronous'],
      ['poll', true, false, true, 'synchronous'],
      ['epoll', true, false, true, 'synchronous'],
      ['epoll-edge', true, false, true, 'synchronous'],
      ['signal', false, false, true, 'synchronous'],
      ['async', false, false, false, 'asynchronous'],
    ]);
  });

  test('is not made up: a machine that goes wrong, or nowhere, is said to be broken', () => {
    const { blocking, server } = machines;
    const wrong: Machine = {
      ...blocking,
      step: () => ({ state: 'PROTOCOL_ERROR', call: 'NO_CALL' }),
    };
    expect(() => happyPath(wrong)).toThrow('blocking goes from IDLE to PROTOCOL_ERROR at BEGIN');
    const still: Machine = { ...blocking, step: () => ({ state: 'WAITING', call: 'RECV' }) };
    expect(() => happyPath(still)).toThrow(/does not come to an end/);
    expect(() => happyPath(server)).toThrow(/"server" is no I\/O model/);
  });
});

/** What does asynchronous I/O in the processes of this test. */
function environment(engine: string): void {
  vi.stubEnv('POLLUX_ASYNC', engine);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('pollux models', () => {
  test('prints a line for each model', async () => {
    const { code, stdout, stderr } = await polluxToEnd(['models', '--no-measure']);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(lines).toEqual([headings, ...models.map((machine) => cells(compare(machine)))]);
  });

  test('prints the same for programs', async () => {
    const { code, stdout } = await polluxToEnd(['models', '--no-measure', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(models.map(compare));
  });

  test('measures every model, and prints a line for each', { timeout: 60_000 }, async () => {
    const flags = ['--seconds', '0.05', '--connections', '3'];
    const { code, stdout, stderr } = await polluxToEnd(['models', ...flags]);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .slice(models.length + 4);
    const rows = lines.map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(figureHeadings);
    expect(rows.slice(1).map(([model, connections]) => [model, connections])).toEqual(
      models.map(({ name }) => [name, name === 'blocking' ? '1' : '3']),
    );
  });

  test('counts the system calls of each model', { timeout: 60_000 }, async () => {
    const flags = ['--json', '--seconds', '0.05', '--connections', '3'];
    environment('uring');
    const { code, stdout, stderr } = await polluxToEnd(['models', ...flags]);
    expect([code, stderr]).toEqual([0, '']);
    const all = JSON.parse(stdout) as { model: string; class: string; measured: Measured }[];
    expect(all.map(({ model }) => model)).toEqual(models.map(({ name }) => name));
    for (const { model, class: kind, measured } of all) {
      const calls = measured.systemCallsPerEcho!;
      if (kind === 'synchronous') expect(calls, model).toBeGreaterThanOrEqual(2);
      else expect(calls, model).toBeGreaterThan(0);
      // Receive, send, find nothing, sleep: nobody needs more, but who asks again and again.
      if (model !== 'nonblocking') expect(calls, model).toBeLessThan(6);
      expect(measured.echoes, model).toBeGreaterThan(0);
      expect(measured.cpuUsPerEcho, model).toBeGreaterThan(0);
      expect(measured.p50Us, model).toBeGreaterThan(0);
      expect(measured.p99Us, model).toBeGreaterThanOrEqual(measured.p50Us);
    }
  });

  test(
    'does not count what threads do that stand in for io_uring',
    { timeout: 60_000 },
    async () => {
      const flags = ['--json', '--seconds', '0.05', '--connections', '1'];
      environment('threads');
      const { stdout } = await polluxToEnd(['models', ...flags]);
      const counted = (JSON.parse(stdout) as { model: string; measured: Measured }[])
        .filter(({ measured }) => measured.systemCallsPerEcho !== undefined)
        .map(({ model }) => model);
      expect(counted).toEqual(models.map(({ name }) => name).filter((name) => name !== 'async'));
    },
  );

  test.each([
    [['--diagram', 'server'], mermaid(machines.server)],
    [['--diagram', 'poll', '--format', 'mermaid'], mermaid(machines.poll)],
    [['--diagram', 'epoll-edge', '--format', 'svg'], stateDiagram(machines['epoll-edge'])],
    [['--diagram', 'async', '--format', 'timing'], timingDiagram(machines.async)],
  ])('%j prints the picture', async (args, picture) => {
    expect(await polluxToEnd(['models', ...args])).toEqual({
      code: 0,
      stdout: picture,
      stderr: '',
    });
  });

  test.each([
    [['--diagram', 'kqueue'], 'Allowed choices are blocking'],
    [['--diagram', 'poll', '--format', 'png'], 'Allowed choices are mermaid'],
    [['--diagram', 'server', '--format', 'timing'], '"server" is no I/O model'],
    [['--format', 'svg'], 'name it with --diagram'],
    [['--diagram', 'poll', '--json'], 'a diagram is no JSON'],
    [['--diagram', 'poll', '--seconds', '1'], 'a diagram is not measured'],
    [['--seconds', '0'], 'It must be a number above 0, and up to 60'],
    [['--seconds', '61'], 'It must be a number above 0, and up to 60'],
    [['--connections', '1.5'], 'It must be a whole number, from 1 to 900'],
    [['--connections', '901'], 'It must be a whole number, from 1 to 900'],
  ])('%j is refused in a sentence', async (args, sentence) => {
    const { code, stdout, stderr } = await polluxToEnd(['models', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('a picture', () => {
  const pictures = Object.values(machines).flatMap((machine) => [
    [`the states of ${machine.name}`, stateDiagram(machine)],
    ...(machine.class === undefined ? [] : [[`${machine.name} in time`, timingDiagram(machine)]]),
  ]) as [string, string][];

  test.each(pictures)(
    '%s is described, for light and dark, and has its tags in order',
    (_, svg) => {
      expect(svg).toMatch(
        /<title id="title">[^<]+<\/title>\n<desc id="description">[^<]{40,}<\/desc>/,
      );
      expect(svg).toContain('prefers-color-scheme: dark');
      const open: string[] = [];
      for (const [, close, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/gi)) {
        if (close) expect(open.pop()).toBe(name);
        else if (!empty) open.push(name!);
      }
      expect(open).toEqual([]);
    },
  );

  test('in time says blocked in words wherever it is grey', () => {
    for (const machine of models) {
      const svg = timingDiagram(machine);
      const grey = svg.match(/class="blocked"/g)?.length ?? 0;
      expect(svg.match(/>blocked<\/text>/g)?.length ?? 0).toBe(grey);
      expect(grey > 0).toBe(machine.class === 'synchronous');
    }
  });
});
