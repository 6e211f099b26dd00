/** Clients of other stacks for our simulated gateway: mbpoll, which is libmodbus, and pymodbus. There is no board here. */

import type { ThirdPartyDevice } from '../device.ts';
import { device as pymodbus } from '../pymodbus/device.ts';

export const device: ThirdPartyDevice = {
  name: 'modbus-clients',
  title: 'mbpoll 1.4 and pymodbus 3.0 as clients of the simulated gateway',
  packages: ['mbpoll', ...pymodbus.packages],
  needs: ['mbpoll', ...pymodbus.needs],
  boards: [],
  start: () => Promise.reject(new Error('these are clients: there is no device to start')),
};
