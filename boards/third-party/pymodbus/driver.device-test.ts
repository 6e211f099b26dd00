/** The Modbus driver against pymodbus: its contract, its tables, and what its server makes of the rest. */

import { whereInstalled } from '../device-tests.ts';
import { modbusContract } from '../modbus-contract.ts';
import { device, startSetpoint } from './device.ts';
import { servedFunctions } from './server.ts';

whereInstalled(device, () => {
  modbusContract('pymodbus over TCP', 'tcp', (folder) => startSetpoint('tcp', folder), 0);
  modbusContract('pymodbus, RTU on a tty', 'rtu', (folder) => startSetpoint('rtu', folder), 0);
  servedFunctions('tcp');
  servedFunctions('rtu');
});
