/** The cases of every kernel over the simulated one, with each of its backends. */
import { pollerNames } from '#host/kernel/readiness';
import { World } from '#host/sim/world';
import { describe, test } from 'vitest';

import { kernelCases } from '../../kernel.cases.js';
import { semanticsCases } from '../../semantics.cases.js';

describe.each(pollerNames)('a simulated kernel by %s', (backend) => {
  for (const { name, backends, run } of [...kernelCases, ...semanticsCases]) {
    test(name, ({ skip }) => {
      skip(
        backends !== undefined && !backends.includes(backend),
        `${backend} cannot: only ${backends} can`,
      );
      const kernel = new World().kernel();
      run(kernel, backend);
      kernel.dispose();
    });
  }
});
