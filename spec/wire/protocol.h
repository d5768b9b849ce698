/* The numbers both ends agree on: docs/protocol.md. */
#ifndef WINAPI_SPEC_WIRE_PROTOCOL_H
#define WINAPI_SPEC_WIRE_PROTOCOL_H

enum {
    PROTOCOL_MAJOR = 2, /* ends that differ here refuse each other and name both */
    PROTOCOL_MINOR = 0, /* ends that differ here use what both have */

    CONTROL_MESSAGE_MOST = 16 << 20, /* bytes of one JSON message */
    LANES_MOST = 256,                /* lanes of one client, unless the host allows fewer */
    SOCKET_PORT_DEFAULT = 0x1234,
};

#endif
