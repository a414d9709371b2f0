/** The cases of every file system over the simulated one. */
import { World } from '#host/sim/world';
import { describe, expect, test } from 'vitest';

import { fileCases } from '../../file.cases.js';

describe('files of a simulated kernel', () => {
  for (const { name, run } of fileCases) {
    test(name, () => {
      const kernel = new World().kernel();
      kernel.disk.load('/granted', {});
      const { freeBytes } = kernel.disk;
      run(kernel, kernel.files.openRoot('/granted'));
      kernel.dispose();
      expect(kernel.disk.freeBytes).toBe(freeBytes - kernel.disk.usedBytes);
    });
  }
});
