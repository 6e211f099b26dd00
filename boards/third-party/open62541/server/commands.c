/* Command messages of 32 bytes, big-endian: u32 counter, u64 UTC in ms, u16 code, i16 value, and the left half of
 * HMAC-SHA256 over these. Counter and setpoint are kept before the effect can be seen. */

#include <fcntl.h>
#include <mbedtls/md.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"

enum { FIELD_BYTES = 16, MAC_BYTES = 16, KEY_BYTES = 32, HMAC_BYTES = 32 };
enum { CODE_SET = 1, CODE_ADD = 2 };
enum { LARGEST_STEP = 1000, OLDER_MS = 2000, NEWER_MS = 500 };

static UA_Byte key[KEY_BYTES];
static char stateFile[512], draftFile[512];
static struct { UA_UInt32 counter; UA_Int32 setpoint; } state = { 0, 100 };

/* Whole or not at all, whenever the power goes. */
static UA_Boolean keep(UA_UInt32 counter, UA_Int32 value) {
    FILE *draft = fopen(draftFile, "w");
    if(draft == NULL) return false;
    UA_Boolean written = fprintf(draft, "%u %d\n", counter, value) > 0 && fflush(draft) == 0 && fsync(fileno(draft)) == 0;
    if(fclose(draft) != 0 || !written || rename(draftFile, stateFile) != 0) return false;
    state.counter = counter;
    state.setpoint = value;
    return true;
}

UA_Boolean openCommands(const char *folder) {
    char keyFile[512];
    snprintf(keyFile, sizeof keyFile, "%s/commands.key", folder);
    snprintf(stateFile, sizeof stateFile, "%s/state", folder);
    snprintf(draftFile, sizeof draftFile, "%s/state.new", folder);
    FILE *file = fopen(keyFile, "rb");
    if(file == NULL) return false;
    size_t read = fread(key, 1, KEY_BYTES, file);
    fclose(file);
    if((file = fopen(stateFile, "r")) != NULL) {
        UA_UInt32 counter;
        UA_Int32 value;
        if(fscanf(file, "%u %d", &counter, &value) == 2) {
            state.counter = counter;
            state.setpoint = value;
        }
        fclose(file);
    }
    return read == KEY_BYTES;
}

static UA_UInt64 bigEndian(const UA_Byte *bytes, size_t count) {
    UA_UInt64 value = 0;
    for(size_t i = 0; i < count; i++) value = value << 8 | bytes[i];
    return value;
}

static UA_Boolean hasRightMac(const UA_Byte *message) {
    UA_Byte mac[HMAC_BYTES], difference = 0;
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    if(mbedtls_md_hmac(sha256, key, KEY_BYTES, message, FIELD_BYTES, mac) != 0) return false;
    for(size_t i = 0; i < MAC_BYTES; i++) difference |= mac[i] ^ message[FIELD_BYTES + i];
    return difference == 0;
}

UA_UInt32 obey(const UA_ByteString *message) {
    if(message->length != FIELD_BYTES + MAC_BYTES) return MALFORMED;
    const UA_Byte *bytes = message->data;
    if(!hasRightMac(bytes)) return BAD_MAC;
    UA_UInt32 counter = (UA_UInt32)bigEndian(bytes, 4);
    UA_Int64 sentMs = (UA_Int64)bigEndian(bytes + 4, 8);
    UA_UInt16 code = (UA_UInt16)bigEndian(bytes + 12, 2);
    UA_Int16 value = (UA_Int16)bigEndian(bytes + 14, 2);
    if(code != CODE_SET && code != CODE_ADD) return MALFORMED;
    if(counter <= state.counter) return REPLAYED;
    if(counter - state.counter > LARGEST_STEP) return FROM_THE_FUTURE;
    UA_Int64 nowMs = (UA_DateTime_now() - UA_DATETIME_UNIX_EPOCH) / UA_DATETIME_MSEC;
    if(sentMs < nowMs - OLDER_MS) return TOO_OLD;
    if(sentMs > nowMs + NEWER_MS) return FROM_THE_FUTURE;
    return keep(counter, code == CODE_SET ? value : state.setpoint + value) ? COMMAND_ACCEPTED : MALFORMED;
}

UA_UInt32 lastCounter(void) { return state.counter; }

UA_Int32 setpoint(void) { return state.setpoint; }

UA_Boolean setSetpoint(UA_Int32 value) { return keep(state.counter, value); }
