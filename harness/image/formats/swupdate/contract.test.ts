import { imageFormatContract } from '../../test/contract.ts';
import { swupdate } from './index.ts';
import { swupdateSamples } from './test/samples.ts';

imageFormatContract(swupdate, swupdateSamples);
