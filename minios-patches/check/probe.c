/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An application that shows whether a MiniOS lives on after a suspend: it answers ARP and ping as
 * 10.77.N.2 on each vif N and sends a frame there five times a second, copies data/poke to data/echo
 * whenever the watch of it fires, keeps XenStore busy with transactions, and counts on its console.
 */

#include <mini-os/os.h>
#include <mini-os/lib.h>
#include <mini-os/time.h>
#include <mini-os/sched.h>
#include <mini-os/xenbus.h>
#include <mini-os/console.h>
#include <mini-os/xmalloc.h>
#include <mini-os/netfront.h>

#define VIFS 3

#if __has_include(<mini-os/shutdown.h>) /* the MiniOS of 2018 */
#define ARGUMENT , void *argument
#else
#define ARGUMENT
#endif

static struct netfront_dev *vif[VIFS];
static unsigned char mac[VIFS][6];
static unsigned answers[VIFS];
static int vifs;

static unsigned short checksum(const unsigned char *bytes, int length)
{
    unsigned long sum = 0;
    int i;

    for (i = 0; i < length; i++)
        sum += i & 1 ? bytes[i] : bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

/* Called from the event handler. */
static void input(int n, unsigned char *frame, int length)
{
    static unsigned char reply[1514];
    const unsigned char ip[4] = { 10, 77, n, 2 };
    int total, sum;

    if (!vif[n] || length < 42 || length > sizeof(reply))
        return;
    memcpy(reply, frame, length);
    memcpy(reply, frame + 6, 6);
    memcpy(reply + 6, mac[n], 6);
    if (frame[12] == 8 && frame[13] == 6 && frame[21] == 1 && !memcmp(frame + 38, ip, 4)) {
        reply[21] = 2;
        memcpy(reply + 22, mac[n], 6);
        memcpy(reply + 28, ip, 4);
        memcpy(reply + 32, frame + 22, 10);
    } else if (frame[12] == 8 && frame[13] == 0 && frame[14] == 0x45 && frame[23] == 1 &&
               frame[34] == 8 && !memcmp(frame + 30, ip, 4)) {
        total = frame[16] << 8 | frame[17];
        if (total < 28 || total + 14 > length)
            return;
        memcpy(reply + 26, frame + 30, 4);
        memcpy(reply + 30, frame + 26, 4);
        reply[34] = reply[36] = reply[37] = 0;
        sum = checksum(reply + 34, total - 20);
        reply[36] = sum >> 8;
        reply[37] = sum;
    } else {
        return;
    }
    answers[n]++;
    netfront_xmit(vif[n], reply, length);
}

static void input0(unsigned char *frame, int length ARGUMENT) { input(0, frame, length); }
static void input1(unsigned char *frame, int length ARGUMENT) { input(1, frame, length); }
static void input2(unsigned char *frame, int length ARGUMENT) { input(2, frame, length); }
static void (*const inputs[VIFS])(unsigned char *frame, int length ARGUMENT) = { input0, input1,
                                                                                input2 };

static void complain(const char *what, char *error)
{
    if (error)
        printk("PROBE %s: %s\n", what, error);
    free(error);
}

static void echo(void *unused)
{
    xenbus_event_queue events = NULL;
    char *value, *error;

    complain("watch", xenbus_watch_path_token(XBT_NIL, "data/poke", "poke", &events));
    for (;;) {
        xenbus_wait_for_watch(&events);
        error = xenbus_read(XBT_NIL, "data/poke", &value);
        if (!error) {
            complain("echo", xenbus_write(XBT_NIL, "data/echo", value));
            free(value);
        }
        free(error); /* nobody has poked yet */
    }
}

/* A suspend must not fall between the steps of these; a lost transaction would say so. */
static void chatter(void *unused)
{
    xenbus_transaction_t transaction;
    unsigned long round = 0;
    char *error;
    int retry;

    for (;;) {
        error = xenbus_transaction_start(&transaction);
        complain("start", error);
        if (!error) {
            complain("write", xenbus_printf(transaction, "data", "round", "%lu", round++));
            complain("end", xenbus_transaction_end(transaction, 0, &retry));
        }
        msleep(20);
    }
}

static void count(void *unused)
{
    static unsigned char frame[60] = { 255, 255, 255, 255, 255, 255, [12] = 0x88, 0xb5 };
    unsigned long ticks;
    struct timeval wall;
    s_time_t start;
    char path[32], *value, *error;
    int n;

    for (n = 0; n < VIFS; n++) {
        snprintf(path, sizeof(path), "device/vif/%d", n);
        error = xenbus_read(XBT_NIL, path, &value);
        free(error);
        if (error)
            break;
        free(value);
        vif[n] = init_netfront(path, inputs[n], mac[n], NULL);
        vifs++;
    }
    create_thread("echo", echo, NULL);
    create_thread("chatter", chatter, NULL);
    for (ticks = 1;; ticks++) {
        start = NOW();
        msleep(200);
        gettimeofday(&wall, NULL);
        if (ticks % 5 == 0)
            printk("PROBE tick %lu, slept %lu ms, wall %lu, answered %u %u %u\n", ticks,
                   (unsigned long)NSEC_TO_MSEC(NOW() - start), (unsigned long)wall.tv_sec,
                   answers[0], answers[1], answers[2]);
        for (n = 0; n < vifs; n++) {
            memcpy(frame + 6, mac[n], 6);
            netfront_xmit(vif[n], frame, sizeof(frame));
        }
    }
}

int app_main(void *unused)
{
    create_thread("count", count, NULL);
    return 0;
}
