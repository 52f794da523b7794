using System.IO.Compression;

namespace Transports.Grpc.Tests;

/// <summary>A payload as a compressed gRPC message.</summary>
internal static class GzipFrame
{
    public static byte[] Of(byte[] payload)
    {
        using var stream = new MemoryStream();
        stream.Write(new byte[GrpcCodec.PrefixSize]);
        using (var gzip = new GZipStream(stream, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            gzip.Write(payload);
        }

        var frame = stream.ToArray();
        GrpcCodec.WritePrefix(frame, isCompressed: true, frame.Length - GrpcCodec.PrefixSize);
        return frame;
    }
}
