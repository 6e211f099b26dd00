import { imageFormatContract } from '../../test/contract.ts';
import { suit } from './index.ts';
import { suitSamples } from './test/samples.ts';

imageFormatContract(suit, suitSamples);
