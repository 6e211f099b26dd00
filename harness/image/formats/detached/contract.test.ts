import { describe } from 'mocha';
import { imageFormatContract } from '../../test/contract.ts';
import { detachedFormat } from './index.ts';
import { sampleSets } from './test/samples.ts';

for (const { name, layout, samples } of sampleSets) {
  describe(name, function () {
    this.timeout(120_000);
    imageFormatContract(detachedFormat(layout), samples, { recognised: false });
  });
}
