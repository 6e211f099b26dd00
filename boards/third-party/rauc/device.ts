/** RAUC as the update agent of a gateway behind a shell. */

import { type ThirdPartyDevice } from '../device.ts';
import { gatewayNeeds, gatewayPackages, startGateway } from '../shell-gateway/gateway.ts';

export const device: ThirdPartyDevice = {
  name: 'rauc',
  title: 'RAUC 1.8 on a Linux gateway',
  packages: ['rauc', 'dbus', 'squashfs-tools', ...gatewayPackages],
  needs: ['rauc', 'dbus-daemon', 'mksquashfs', '/dev/loop-control', ...gatewayNeeds],
  boards: ['policy', 'no-policy', 'test-authority', 'any-compatible'],
  start: (board, folder) => startGateway({ home: import.meta.dirname, extension: 'raucb' }, board, folder),
};
