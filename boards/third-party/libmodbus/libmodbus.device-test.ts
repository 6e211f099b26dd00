import { verdictsAreAsExplained, whereInstalled } from '../device-tests.ts';
import { device } from './device.ts';

whereInstalled(device, () => verdictsAreAsExplained(device));
