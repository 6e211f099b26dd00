/** The TCP tap, for the bench. */

import type { AnyDriverModule, DriverModule } from '../../harness/driver.ts';
import { specs, type TcpTapSettings } from './settings.ts';
import { TcpTap } from './tcp-tap.ts';

const tcpTap: DriverModule<TcpTapSettings> = {
  kind: 'tcp-tap',
  summary: specs[0]?.summary ?? '',
  create: (settings, context) => new TcpTap(settings, context),
  adapters: [],
};

export const modules: AnyDriverModule[] = [tcpTap];
