/*
 * Linked beside the servers that come with libmodbus, whose sources stay as they are: they name port 1502 and
 * /dev/ttyUSB0, and several devices have to run on one machine. The linker (-Wl,--wrap) sends their calls here, and the
 * environment says where the device is: MODBUS_PORT, MODBUS_TTY. Whoever waits for it reads `serving`; a port that
 * somebody else holds ends it, where the servers would go on without one.
 */

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>

modbus_t *__real_modbus_new_tcp(const char *address, int port);
modbus_t *__real_modbus_new_rtu(const char *device, int baud, char parity, int data_bits, int stop_bits);
int __real_modbus_tcp_listen(modbus_t *ctx, int connections);
int __real_modbus_connect(modbus_t *ctx);

static const char *set(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(1);
    }
    return value;
}

static int serving(int result, const char *where)
{
    if (result == -1) {
        fprintf(stderr, "%s: %s\n", where, modbus_strerror(errno));
        exit(1);
    }
    printf("serving\n");
    return result;
}

modbus_t *__wrap_modbus_new_tcp(const char *address, int port)
{
    (void)port;
    return __real_modbus_new_tcp(address, atoi(set("MODBUS_PORT")));
}

modbus_t *__wrap_modbus_new_rtu(const char *device, int baud, char parity, int data_bits, int stop_bits)
{
    (void)device;
    return __real_modbus_new_rtu(set("MODBUS_TTY"), baud, parity, data_bits, stop_bits);
}

int __wrap_modbus_tcp_listen(modbus_t *ctx, int connections)
{
    return serving(__real_modbus_tcp_listen(ctx, connections), "MODBUS_PORT");
}

int __wrap_modbus_connect(modbus_t *ctx)
{
    return serving(__real_modbus_connect(ctx), "MODBUS_TTY");
}

/* What they print is their console: each line at once, though it is no terminal. */
__attribute__((constructor)) static void print_at_once(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
}
