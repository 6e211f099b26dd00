import { imageFormatContract } from '../../test/contract.ts';
import { mcuboot } from './index.ts';
import { mcubootSamples } from './test/samples.ts';

imageFormatContract(mcuboot, mcubootSamples);
