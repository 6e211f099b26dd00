import { imageFormatContract } from '../../test/contract.ts';
import { esp } from './index.ts';
import { espSamples } from './test/samples.ts';

imageFormatContract(esp, espSamples);
