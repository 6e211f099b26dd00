import { imageFormatContract } from '../../test/contract.ts';
import { rauc } from './index.ts';
import { raucSamples } from './test/samples.ts';

imageFormatContract(rauc, raucSamples);
