/** The Modbus driver against libmodbus: its contract, all tables, and the registers that misbehave. */

import { modbusContract } from '../modbus-contract.ts';
import { whereInstalled } from '../device-tests.ts';
import { device } from './device.ts';
import { tablesAndMisbehaviour } from './misbehaving.ts';
import { startServer, unitTestNumbers } from './servers.ts';

whereInstalled(device, () => {
  const { number } = unitTestNumbers();
  modbusContract(
    'libmodbus over TCP',
    'tcp',
    (folder) => startServer('bandwidth-server-many-up', 'tcp', folder),
    0,
  );
  modbusContract(
    'libmodbus, RTU on a tty',
    'rtu',
    (folder) => startServer('unit-test-server', 'rtu', folder),
    number('REGISTERS_ADDRESS'),
  );
  tablesAndMisbehaviour('tcp');
  tablesAndMisbehaviour('rtu');
});
