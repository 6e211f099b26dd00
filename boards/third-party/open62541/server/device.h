/* The device behind the server: its nodes, and the commands that act on its setpoint. */

#ifndef DEVICE_H
#define DEVICE_H

#include <open62541/server.h>

/* Adds the device's nodes, and reads what outlived the last loss of power from the folder. */
UA_StatusCode addDevice(UA_Server *server, const char *folder);

/* commands.c: authenticated messages, each obeyed once, in order and in time. */

enum { COMMAND_ACCEPTED = 1, BAD_MAC, REPLAYED, TOO_OLD, FROM_THE_FUTURE, MALFORMED };

/* Reads key and state. False where the folder holds no key. */
UA_Boolean openCommands(const char *folder);
UA_UInt32 obey(const UA_ByteString *message);
UA_UInt32 lastCounter(void);
UA_Int32 setpoint(void);
/* False where it could not be kept. */
UA_Boolean setSetpoint(UA_Int32 value);

#endif
