/** The cases of every file system over Linux, with each way to resolve a path. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { LinuxKernel } from '#host/linux/linux-kernel';
import { resolutions } from '#host/linux/linux-files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { fileCases } from '../../file.cases.js';
import { openDescriptors } from './thread.js';

/** Where the file systems are: the disk, and the memory. */
const places = [tmpdir(), '/dev/shm'];

describe.each(resolutions)('files of Linux by %s', (resolution) => {
  describe.each(places)('in %s', (place) => {
    let kernel: LinuxKernel;
    let outside: string;
    let directory: number;
    let descriptors: number;
    beforeEach(() => {
      descriptors = openDescriptors().length;
      kernel = new LinuxKernel({ paths: resolution });
      outside = mkdtempSync(join(place, 'pollux-'));
      writeFileSync(join(outside, 'x'), 'secret');
      mkdirSync(join(outside, 'granted'));
      directory = kernel.files.openRoot(join(outside, 'granted'));
    });
    afterEach(() => {
      kernel.dispose();
      rmSync(outside, { recursive: true });
      expect(openDescriptors().length, 'open descriptors').toBe(descriptors);
    });

    for (const { name, run } of fileCases) test(name, () => run(kernel, directory));
  });
});
