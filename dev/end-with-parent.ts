/** Preloaded into `wrangler dev`, so that it does not stay behind, on its port, when its parent is killed. */
process.channel?.unref();
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
