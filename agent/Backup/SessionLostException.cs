using Holdfast.Core;

namespace Holdfast.Agent.Backup;

/// <summary>The database session that began the backup is gone, and with it the backup: PostgreSQL ends a backup with its session.</summary>
public sealed class SessionLostException(string message, Exception? inner = null)
    : RefusedException(message, "the attempt is void; another one starts anew. What ended the session, the server's log says (pg_terminate_backend, a restart, a pooler in between)", inner);
