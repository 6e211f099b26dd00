import { imageFormatContract } from '../../test/contract.ts';
import { pe } from './index.ts';
import { peSamples } from './test/samples.ts';

imageFormatContract(pe, peSamples);
