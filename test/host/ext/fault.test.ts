/** Fault points of guests: on the real kernel nothing ever goes wrong there. */
import { load } from 'pollux';
import { describe, expect, test } from 'vitest';

import { WasiErrno } from '#host/wasi/errno';
import { simulate } from '#src/simulate/simulate';

import { guestFile, runToEnd } from '../../harness.js';
import { rigged } from '../wasi/rig.js';

const HAPPENS = 8;

describe('fault_maybe', () => {
  test('answers no', () => {
    const rig = rigged();
    rig.view.setUint32(HAPPENS, 7, true);
    expect(rig.call('fault_maybe', 0, 64, HAPPENS)).toBe(0);
    expect(rig.view.getUint32(HAPPENS, true)).toBe(0);
  });

  test('refuses what does not lie in memory, and what is no name', () => {
    const rig = rigged();
    const end = rig.bytes.length;
    expect(rig.call('fault_maybe', end - 3, 4, HAPPENS)).toBe(WasiErrno.FAULT);
    expect(rig.call('fault_maybe', -1, 1, HAPPENS)).toBe(WasiErrno.FAULT);
    expect(rig.call('fault_maybe', 0, 4, end - 3)).toBe(WasiErrno.FAULT);
    expect(rig.call('fault_maybe', 0, 65, HAPPENS)).toBe(WasiErrno.INVAL);
    expect(rig.call('fault_maybe', 0, -1, HAPPENS)).toBe(WasiErrno.INVAL);
    expect(rig.call('fault_maybe', end, 0, HAPPENS)).toBe(0);
  });
});

describe.each(['maybe', 'maybe.as'])('a guest with a fault point: %s', (name) => {
  test('passes it, and nothing goes wrong', async () => {
    expect((await runToEnd(guestFile(name), { args: [name, '1000'] })).code).toBe(0);
  });

  test('passes it in a simulated world, and what goes wrong there goes wrong again', async () => {
    const guest = await load(guestFile(name));
    const exitCodes = Array.from({ length: 101 }, (_, i) => i);
    const options = { args: [name, '100'], exitCodes, seed: 2 } as const;
    const run = simulate(guest, options);
    expect(run.failure).toBe(undefined);
    expect(run.code).toBeGreaterThan(0);
    expect(run.code).toBeLessThan(50);
    expect(run.log.map(({ label }) => label)).toEqual(
      Array.from({ length: run.code! }, () => 'guest/here/maybe'),
    );
    const again = simulate(guest, { ...options, log: run.log });
    expect([again.code, again.hash]).toEqual([run.code, run.hash]);
    expect(simulate(guest, { ...options, profile: 'calm' }).code).toBe(0);
  });

  test('that was compiled for production has none, and imports nothing for it', async () => {
    const imports = async (file: string) => {
      const { module } = await load(guestFile(file));
      return WebAssembly.Module.imports(module).map((each) => each.name);
    };
    expect(await imports(name)).toContain('fault_maybe');
    const production = name.replace('maybe', 'maybe.production');
    expect(await imports(production)).not.toContain('fault_maybe');
    expect((await runToEnd(guestFile(production), { args: [name, '3'] })).code).toBe(0);
  });
});
