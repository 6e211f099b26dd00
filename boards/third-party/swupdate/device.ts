/** SWUpdate as the update agent of a gateway behind a shell. */

import { type ThirdPartyDevice } from '../device.ts';
import { gatewayNeeds, gatewayPackages, startGateway } from '../shell-gateway/gateway.ts';

export const device: ThirdPartyDevice = {
  name: 'swupdate',
  title: 'SWUpdate 2022.12 on a Linux gateway',
  packages: ['swupdate', 'cpio', ...gatewayPackages],
  needs: ['swupdate', 'cpio', ...gatewayNeeds],
  boards: ['policy', 'no-policy', 'keys-from-image'],
  start: (board, folder) => startGateway({ home: import.meta.dirname, extension: 'swu' }, board, folder),
};
