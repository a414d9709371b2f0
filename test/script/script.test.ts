/** The same scripts by the same guest on Linux and on the simulated kernel: the same comes of them. */
import { load } from 'pollux';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { guestFile } from '../harness.js';
import { epollCases } from './epoll.cases.js';
import { playOnLinux } from './linux-stage.js';
import { linesOf } from './play.js';
import { readinessCases } from './readiness.cases.js';
import { playSimulated } from './sim-stage.js';
import { streamCases } from './stream.cases.js';

const cases = [...readinessCases, ...epollCases, ...streamCases];
const EPOLL = ['epoll'] as const;
const guest = await load(guestFile('script'));

describe.each(cases)('semantics $name', (each) => {
  test.each(each.pollers ?? EPOLL)('by %s', async (poller) => {
    const wanted = { transcript: linesOf(each.script), end: 'exit 0' };
    expect(playSimulated(guest, each, poller)).toEqual(wanted);
    expect(await playOnLinux(guest, each, poller)).toEqual(wanted);
  });
});

/** Of those with operations in flight Linux has two ways; the other is the usual one. */
describe.each(cases.filter(({ script }) => script.includes('submit')))('$name', (each) => {
  test('with operations that threads do', async () => {
    vi.stubEnv('POLLUX_ASYNC', 'threads');
    onTestFinished(() => void vi.unstubAllEnvs());
    const wanted = { transcript: linesOf(each.script), end: 'exit 0' };
    expect(await playOnLinux(guest, each, 'epoll')).toEqual(wanted);
  });
});
