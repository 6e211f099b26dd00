import { driverContract, type DriverFixture } from '../driver-contract.ts';
import { testDriver } from './test/bench-driver.ts';
import { FakeServer, type Mode } from './test/fake-server.ts';

async function fixture(mode: Mode): Promise<DriverFixture> {
  const quiet = mode === 'tcp' ? {} : { quietMs: 50 };
  const server = await FakeServer.start(mode);
  const { driver, losses, logged } = testDriver(server.settings({ replyWithinMs: 400, ...quiet }));
  const nowhere = mode === 'rtu' ? { path: '/dev/fieldproof-no-such-tty' } : { host: '127.0.0.1', port: 1 };
  return {
    driver,
    losses,
    logged,
    exchange: () => driver.registers.readHolding(0, 2),
    breakLink: () => server.vanish(),
    mendLink: () => server.comeBack(),
    silence: async () => void (server.always = 'silent'),
    unreachable: () => testDriver(server.settings(nowhere)).driver,
    replyWithinMs: 400,
    dispose: () => server.dispose(),
  };
}

driverContract('modbus over TCP', () => fixture('tcp'));
driverContract('modbus RTU on a tty', () => fixture('rtu'));
driverContract('modbus RTU over TCP', () => fixture('rtu-over-tcp'));
