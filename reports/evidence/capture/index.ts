/** Every wire of a run as a pcapng file. */

import { channelsOf } from '../../../harness/record/read-wire.ts';
import type { MakeParts, PackagePart } from '../part.ts';
import { channelCapture, type Protocol } from './channel-capture.ts';

const described: Readonly<Record<Protocol, string>> = {
  'opc.tcp': 'OPC UA over TCP; the TCP/IP around it is made up',
  'modbus-tcp': 'Modbus over TCP; the TCP/IP around it is made up',
  serial: 'bytes as they came, link type USER0 (147): in Wireshark, choose a dissector under DLT_USER',
};

export const captureParts: MakeParts = ({ runDir, model }) =>
  channelsOf(model.entries).flatMap((channel): PackagePart[] => {
    const capture = channelCapture(runDir, model.entries, channel);
    if (capture === undefined) return [];
    return [
      {
        path: `captures/${channel.replace(/[^A-Za-z0-9._-]/g, '_')}.pcapng`,
        mediaType: 'application/x-pcapng',
        about: `The wire ${channel} for Wireshark: ${described[capture.protocol]}; secrets are asterisks`,
        repeats: ['wire'],
        content: { bytes: capture.bytes },
      },
    ];
  });
