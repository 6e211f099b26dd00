import { imageFormatContract } from '../../test/contract.ts';
import { fit } from './index.ts';
import { fitSamples } from './test/samples.ts';

imageFormatContract(fit, fitSamples);
